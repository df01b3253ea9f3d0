"""What turns data into code, or a secret into a question of time, stands nowhere but where a table says why."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.architecture.test_structure import ROOT, sources

CODE_IN_DATA = frozenset({"pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle"})
"""Modules whose data are programs."""

CALLS: dict[str, str] = {
    "eval": "eval",
    "exec": "exec",
    "compile": "exec",
    "__import__": "dynamic-import",
    "os.system": "shell",
    "os.popen": "shell",
    "subprocess.getoutput": "shell",
    "subprocess.getstatusoutput": "shell",
    "asyncio.create_subprocess_shell": "shell",
    "yaml.load": "yaml",
    "yaml.load_all": "yaml",
    "yaml.unsafe_load": "yaml",
    "yaml.full_load": "yaml",
    "torch.load": "pickle",
    "tempfile.mktemp": "race",
    "hashlib.md5": "weak-hash",
    "hashlib.sha1": "weak-hash",
    "ssl._create_unverified_context": "tls",
}
EXTRACTS = frozenset({"extractall", "extract", "unpack_archive"})
NO_ARCHIVES = ("func.", "_W3C.", "extractor.")
"""SQL's ``extract``, a propagator of traces and a neural network."""

XML_WRITERS = frozenset({"Element", "SubElement", "tostring", "ParseError"})
"""Of ``xml.etree``: what reads nothing. Reading is for ``defusedxml``."""

_SECRET = re.compile(r"(^|_)(secret|token|signature|mac|hmac|password|nonce|csrf|api_key)s?$")

ALLOWED: dict[tuple[str, str], str] = {
    ("db/migrate.py", "sql"): "A constant number of seconds: SET takes no parameters.",
    ("pipelines/post/optional.py", "dynamic-import"): "Names of libraries that stand in the code of the steps.",
    ("pipelines/worker.py", "dynamic-import"): "The engine's module, named by the farm's own process and by no user.",
}
"""Where such a thing is, and why it is safe there."""


def findings(source: str) -> Iterator[tuple[int, str]]:
    """(line, rule) of what a source does that it had better not."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    if alias.name.split(".")[0] in CODE_IN_DATA:
                        yield node.lineno, "pickle"
                    elif alias.name.startswith("xml."):
                        yield node.lineno, "xml"
            case ast.ImportFrom(module=str(module), names=names):
                if module.split(".")[0] in CODE_IN_DATA:
                    yield node.lineno, "pickle"
                elif module.startswith("xml.") and not {alias.name for alias in names} <= XML_WRITERS:
                    yield node.lineno, "xml"
                elif {f"{module}.{alias.name}" for alias in names} & CALLS.keys():
                    yield node.lineno, "hidden-name"
            case ast.Call():
                yield from ((node.lineno, rule) for rule in _of_call(node))
            case ast.Compare(ops=[ast.Eq() | ast.NotEq()], left=left, comparators=[right]):
                if not any(isinstance(side, ast.Constant) for side in (left, right)) and any(
                    _SECRET.search(_last(side)) and ".c." not in ast.unparse(side) for side in (left, right)
                ):
                    yield node.lineno, "timing"


def _of_call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    if name in CALLS:
        yield CALLS[name]
    if _last(node.func) in EXTRACTS and not name.startswith(NO_ARCHIVES):
        yield "archive"
    if name.endswith("import_module") and not isinstance(node.args[0], ast.Constant):
        yield "dynamic-import"
    if _last(node.func) in ("text", "execute", "exec_driver_sql") and node.args:
        match node.args[0]:
            case ast.JoinedStr():
                yield "sql"
            case ast.BinOp(op=ast.Mod() | ast.Add()) as joined if _has_text(joined):
                yield "sql"
            case ast.Call(func=ast.Attribute(attr="format", value=ast.Constant())):
                yield "sql"
    for keyword in node.keywords:
        match keyword:
            case ast.keyword(arg="shell", value=ast.Constant(value=False)):
                pass
            case ast.keyword(arg="shell"):
                yield "shell"
            case ast.keyword(arg="allow_pickle", value=ast.Constant(value=True)):
                yield "pickle"
            case ast.keyword(arg="verify", value=ast.Constant(value=False)) if _is_http(name):
                yield "tls"


def _is_http(name: str) -> bool:
    return name.startswith(("httpx.", "requests.", "boto3.")) or name.endswith(("Client", "Transport", "Session"))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _has_text(node: ast.BinOp) -> bool:
    return any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in (node.left, node.right))


@cache
def found() -> set[tuple[str, str, int]]:
    return {
        (str(path.relative_to(ROOT)), rule, line) for _, path in sources() for line, rule in findings(path.read_text())
    }


def test_data_never_becomes_code_but_where_the_table_says_why() -> None:
    assert not [f"{path}:{line} {rule}" for path, rule, line in sorted(found()) if (path, rule) not in ALLOWED]


def test_the_table_names_nothing_that_is_gone() -> None:
    assert ALLOWED.keys() == {(path, rule) for path, rule, _ in found() if (path, rule) in ALLOWED}
    assert all(reason.endswith(".") for reason in ALLOWED.values())


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("import pickle", "pickle"),
        ("from cloudpickle import loads", "pickle"),
        ("numpy.load(path, allow_pickle=True)", "pickle"),
        ("torch.load(path)", "pickle"),
        ("yaml.load(text, Loader=yaml.Loader)", "yaml"),
        ("from yaml import unsafe_load", "hidden-name"),
        ("eval(text)", "eval"),
        ("exec(text)", "exec"),
        ("subprocess.run(command, shell=True)", "shell"),
        ("subprocess.run(command, shell=wanted)", "shell"),
        ("os.system(command)", "shell"),
        ("archive.extractall(folder)", "archive"),
        ("from xml.etree.ElementTree import parse", "xml"),
        ("import xml.sax", "xml"),
        ("importlib.import_module(name)", "dynamic-import"),
        ("hashlib.md5(data)", "weak-hash"),
        ("httpx.get(url, verify=False)", "tls"),
        ("tx.execute(text(f'select {name}'))", "sql"),
        ("connection.execute('select ' + name)", "sql"),
        ("connection.execute('select %s' % name)", "sql"),
        ("connection.execute('select {}'.format(name))", "sql"),
        ("given == self.token", "timing"),
        ("signature != expected", "timing"),
    ],
)
def test_such_a_line_is_found(source: str, rule: str) -> None:
    assert rule in [each for _, each in findings(source)]


@pytest.mark.parametrize(
    "source",
    [
        "yaml.safe_load(text)",
        "subprocess.run([program, argument])",
        "from xml.etree.ElementTree import Element",
        "importlib.import_module('torch')",
        "model.eval()",
        "hmac.compare_digest(given, self.token)",
        "select(KEY).where(KEY.c.token == token_hash)",
        "if token == '': pass",
        "run(tx, 'verify_key', prefix=prefix)",
    ],
)
def test_such_a_line_is_not(source: str) -> None:
    assert not list(findings(source))
