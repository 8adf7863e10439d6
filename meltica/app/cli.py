"""``meltica``: the way in from a terminal. Each group of commands lives in a file of its own."""

from __future__ import annotations

import signal
import sys

if __name__ == "__main__":
    # An interrupt that falls into an import's own callbacks would be swallowed: so until `main` it just ends us.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import typer

from meltica.app.commands import accounts as cli_accounts
from meltica.app.commands import doctor as cli_doctor
from meltica.app.commands import feed as cli_feed
from meltica.app.commands import gateway as cli_gateway
from meltica.app.commands import hot as cli_hot
from meltica.app.commands import journal as cli_journal
from meltica.app.commands import orders as cli_orders
from meltica.app.commands import reconcile as cli_reconcile
from meltica.app.commands import report as cli_report
from meltica.domain.errors import MelticaError

app = typer.Typer(
    help="A trading gateway that can be trusted with money.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Start with `meltica demo`. Orders, limits and the kill switch go over gRPC: the README has lines to copy.",
)
app.add_typer(cli_accounts.app, name="accounts")
app.add_typer(cli_feed.app, name="feed")
app.add_typer(cli_hot.app, name="hot")
app.add_typer(cli_journal.app, name="journal")
app.add_typer(cli_orders.app, name="orders")
app.add_typer(cli_reconcile.app, name="reconcile")
app.add_typer(cli_report.app, name="report")
cli_doctor.add_to(app)
cli_gateway.add_to(app)


def main() -> None:
    """Errors that Meltica raises on purpose are one line and exit code 1; anything else is a bug and shows itself."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        app()
    except MelticaError as error:
        print(f"meltica: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
