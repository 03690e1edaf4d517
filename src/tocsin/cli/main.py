"""The `tocsin` command and its commands."""

import click

from tocsin.cli import audit, conversion, demo, ingest, init, key, project, prune, serve, user, workspace


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=(
        "Settings come from --config, then from TOCSIN_* variables, then from options: `tocsin serve --help` lists "
        "them. Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 done, but some lines were set aside, "
        "130 interrupted."
    ),
)
@click.option("--config", metavar="FILE", help="TOML file with settings.  [env: TOCSIN_CONFIG]")
@click.version_option(package_name="tocsin")
def main(config: str | None) -> None:  # read from the context by the commands
    """Tocsin turns security alerts into incidents, speaking the SecMaster SOC API.

    \b
    First steps:
      tocsin demo                            see what it does, on sample data
      tocsin init                            make a database with a project, a workspace and an administrator
      tocsin serve                           answer the API on http://127.0.0.1:8080
      tocsin ingest suricata eve.json        take alerts in
    """  # \b keeps click from wrapping


main.add_command(init.init)
main.add_command(serve.serve)
main.add_command(ingest.ingest)
main.add_command(user.user)
main.add_command(key.key)
main.add_command(project.project)
main.add_command(workspace.workspace)
main.add_command(prune.prune)
main.add_command(audit.audit)
main.add_command(conversion.conversion)
main.add_command(demo.demo)
