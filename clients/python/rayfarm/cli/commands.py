"""The table of commands."""

from __future__ import annotations

import typer

from rayfarm.cli import (
    admin_access_commands,
    admin_commands,
    cluster_commands,
    control_commands,
    destination_commands,
    farm_commands,
    import_command,
    job_commands,
    login_commands,
    pipeline_commands,
    render_command,
    share_commands,
    step_commands,
    sync_command,
    worker_commands,
    zip_command,
)
from rayfarm.cli.options import in_project

command = typer.Typer(
    name="rayfarm",
    help="Render on a Rayfarm farm, and run one on this machine.",
    epilog="Exit codes: 0 done, 1 the job failed or was canceled, 2 the call is wrong, 3 the farm does not answer, "
    "or takes nothing for now (maintenance), 130 Ctrl-C.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)

command.command("login")(login_commands.login)
command.command("logout")(login_commands.logout)
command.command("whoami")(login_commands.whoami)
command.command("render")(render_command.render)
command.command("import-openjd")(import_command.import_openjd)
command.command("watch")(render_command.watch)
command.command("sync")(sync_command.sync)
command.command("zip")(zip_command.zip_)
command.command("jobs")(job_commands.jobs)
command.command("show")(job_commands.show)
command.command("still")(job_commands.still)
command.command("shows")(job_commands.shows)
command.command("cancel")(job_commands.cancel)
command.command("pause")(control_commands.pause)
command.command("resume")(control_commands.resume)
command.command("approve")(control_commands.approve)
command.command("retry")(control_commands.retry)
command.command("skip")(control_commands.skip)
command.command("requeue")(control_commands.requeue)
command.command("priority")(control_commands.priority)
command.command("change")(control_commands.change)
command.command("clone")(control_commands.clone)
command.command("estimate")(control_commands.estimate)
command.command("logs")(job_commands.logs)
command.command("step")(step_commands.step)
command.command("steps")(step_commands.steps)
command.command("models")(job_commands.models)
command.command("keep-warm")(job_commands.keep_warm)
command.command("pipelines")(pipeline_commands.pipelines)
command.command("workers")(worker_commands.workers)
command.command("drain")(worker_commands.drain)
command.command("disable")(worker_commands.disable)
command.command("enable")(worker_commands.enable)
command.command("licences")(share_commands.licences)
command.command("projects")(share_commands.projects)
command.command("destinations")(destination_commands.destinations)
command.command("up")(farm_commands.up)
command.command("down")(farm_commands.down)
command.command("status")(farm_commands.status)
command.command("version")(farm_commands.version)

admin = typer.Typer(name="admin", help="Run a farm: for its operators and administrators.", no_args_is_help=True)
admin.command("maintenance")(admin_commands.maintenance)
admin.command("queues")(admin_commands.queues)
admin.command("blocklists")(admin_commands.blocklists)
admin.command("workers")(worker_commands.workers)
admin.command("drain")(worker_commands.drain)
admin.command("disable")(worker_commands.disable)
admin.command("enable")(worker_commands.enable)
admin.command("restart")(admin_commands.restart)
admin.command("schedules")(admin_commands.schedules)
admin.command("flags")(admin_commands.flags)
admin.command("users")(admin_access_commands.users)
admin.command("invite")(admin_access_commands.invite)
admin.command("projects")(admin_access_commands.projects)
admin.command("keys")(admin_access_commands.keys)
command.add_typer(admin)

cluster = typer.Typer(name="cluster", help="Run a farm on Kubernetes: for its operators.", no_args_is_help=True)
cluster.command("status")(cluster_commands.status)
cluster.command("scale")(cluster_commands.scale)
cluster.command("upgrade")(cluster_commands.upgrade)
cluster.command("drain")(cluster_commands.drain)
cluster.command("notices")(cluster_commands.notices)
cluster.command("submit")(cluster_commands.submit)
cluster.command("follow")(cluster_commands.follow)
cluster.command("suspend")(cluster_commands.suspend)
cluster.command("resume")(cluster_commands.resume)
cluster.command("gc")(cluster_commands.gc)
command.add_typer(cluster)

for _group in (command, admin):
    for _each in _group.registered_commands:
        if _each.callback is not None:
            _each.callback = in_project(_each.callback)
