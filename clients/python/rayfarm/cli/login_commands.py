"""`rayfarm login|logout|whoami`: people at a farm."""

from __future__ import annotations

import getpass
import os
import sys
import webbrowser
from typing import Annotated
from urllib.parse import urlsplit

import typer

from rayfarm import signing_in
from rayfarm._config import find_address, resolve
from rayfarm._logins import logins_of
from rayfarm._transport import LOOPBACK
from rayfarm.cli.options import ApiKey, AsJson, Url, named_project
from rayfarm.cli.output import Output
from rayfarm.client import Client
from rayfarm.errors import UsageError

Server = Annotated[
    str | None,
    typer.Option("--server", "--url", help="Address of the farm's API (RAYFARM_URL).", show_default=False),
]


def login(
    server: Server = None,
    sso: Annotated[bool, typer.Option("--sso", help="In a browser, at the farm's identity provider.")] = False,
    browser: Annotated[
        bool, typer.Option(help="With --sso: open the browser; without, its address is only printed.")
    ] = True,
    email: Annotated[str | None, typer.Option(help="Your e-mail address; asked for if absent.")] = None,
    as_json: AsJson = False,
) -> None:
    """Log in. Later commands act as you at this farm, until `rayfarm logout`.

    The password is asked for, or read from a pipe; it is no option, as other users can see a command line.
    """
    output = Output(as_json=as_json)
    # Not `resolve`: a login that cannot be read is what one logs in anew for.
    farm, _ = find_address(url=server)
    logins = logins_of()
    _warn_of_plain_http(farm, output)
    if sso:
        if email is not None:
            raise UsageError("--email is of a password; with --sso the identity provider asks who you are.")

        def show(address: str) -> None:
            output.note(f"Log in here, in a browser on this machine: {address}")
            if browser:
                webbrowser.open(address)

        made = signing_in.through_browser(logins, farm, show=show)
    else:
        made = signing_in.with_password(logins, farm, email=email or _ask_email(), password=_ask_password(farm))
    output.say(f"You are {made.email} at {made.url}.")
    output.record(logged_in=True, email=made.email, url=made.url)
    if os.environ.get("RAYFARM_API_KEY"):
        output.note("RAYFARM_API_KEY is set: commands use that key, not this login.")
    if (address := find_address()[0]) != made.url:
        output.note(f"Commands here go to {address}; name this farm with --url or RAYFARM_URL.")


def logout(
    server: Server = None,
    sso: Annotated[
        bool, typer.Option("--sso", help="Also at the farm's identity provider, in the browser: for a shared machine.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """End your session at a farm, and forget it on this machine."""
    output = Output(as_json=as_json)
    farm, _ = find_address(url=server)
    left = signing_in.log_out(logins_of(), farm)
    output.record(
        logged_out=left.login is not None,
        url=farm,
        farm_was_told=left.trouble is None,
        end_session_url=left.end_session_url,
    )
    if left.login is None:
        output.say(f"Nobody was logged in at {farm}.")
        return
    output.say(f"{left.login.email} is logged out of {farm}.")
    if left.trouble is not None:
        output.note(
            f"The farm was not told ({left.trouble.message}). The session ends by itself; to end it now, log in again "
            "and out, or have it ended there: DELETE /v1/me/sessions."
        )
    elif left.end_session_url is not None and not sso:
        output.note("The browser stays logged in at the identity provider; with --sso that ends too.")
    elif left.end_session_url is not None and not webbrowser.open(left.end_session_url):
        output.note(f"Log out of the identity provider here: {left.end_session_url}")
    elif sso and left.end_session_url is None:
        output.note("The farm names no place to log out of an identity provider.")


def whoami(url: Url = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Say which farm commands go to, as whom, and where that was found."""
    output = Output(as_json=as_json)
    farm = resolve(url=url, api_key=api_key)
    if farm.api_key is None and farm.login is None:
        raise UsageError(
            f"You are nobody at {farm.url}.", remedy="Run `rayfarm login`, or give a key: RAYFARM_API_KEY."
        )
    with Client(farm.url, farm.api_key, project=named_project()) as client:
        me = client.me()
    who = str(me.get("email") or f"the key {me['name']}")
    if me.get("service_account"):
        who += f" of the service account {me['service_account']}"
    output.say(f"{who} at {farm.url}")
    output.say(f"  by        {farm.credential}")
    output.say(f"  address   {farm.source}")
    if me.get("farm_role"):
        output.say(f"  farm      {me['farm_role']}")
    for each in me.get("memberships") or ():
        output.say(f"  project   {each['project']}: {each['role']}")
    output.record(url=farm.url, found=farm.source, credential=farm.credential, **me)


def _ask_email() -> str:
    if not sys.stdin.isatty():
        raise UsageError("Nobody can be asked for an e-mail address here.", remedy="Give it: --email.")
    return str(typer.prompt("E-mail", err=True)).strip()


def _ask_password(url: str) -> str:
    password = getpass.getpass(f"Password at {url}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise UsageError("No password was given.", remedy="Type it, or send it through a pipe.")
    return password


def _warn_of_plain_http(url: str, output: Output) -> None:
    parts = urlsplit(url)
    if parts.scheme == "http" and (parts.hostname or "") not in LOOPBACK:
        output.note(f"{url} is plain http: whoever is on the way reads your password or session.")
