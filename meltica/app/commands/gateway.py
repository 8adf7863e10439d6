"""``meltica run|up|down|demo|ca``: the gateway itself."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from meltica.app.commands.terminal import examples
from meltica.app.settings import Settings, read_settings

SettingsPath = Annotated[
    Path | None, typer.Option("--settings", help="TOML file; without it the defaults (`meltica settings`).")
]


def add_to(app: typer.Typer) -> None:
    app.command(epilog=examples("meltica run --settings gateway.toml"))(run)
    app.command(epilog=examples("meltica up", "meltica up --settings gateway.toml"))(up)
    app.command(epilog=examples("meltica down", "meltica down --settings gateway.toml"))(down)
    app.command("settings", epilog=examples("meltica settings > gateway.toml", "meltica settings gateway.toml"))(show)
    app.command(epilog=examples("meltica demo --seconds 60", "meltica demo --data recording.gz"))(demo)
    app.command(epilog=examples("meltica ca .meltica/ca"))(ca)


def run(settings: SettingsPath = None) -> None:
    """Run a gateway in the foreground until Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Until the loop has its own handler: see cli.py
    from meltica.app.run import run as run_gateway  # Late: gRPC is slow to import and few commands need it

    _log_to_stderr()
    chosen = read_settings(settings)
    ready_file = chosen.state_folder / "gateway.ready"
    mine: list[Path] = []
    """The ready file, once it is ours: a start that is refused must not remove that of the gateway that runs."""

    def ready(address: str) -> None:
        fresh = ready_file.with_suffix(".new")
        fresh.write_text(f"{os.getpid()} {address}\n", "ascii")
        fresh.replace(ready_file)
        mine.append(ready_file)
        print(f"gateway ready on {address}", flush=True)

    try:
        asyncio.run(run_gateway(chosen, ready))
    finally:
        for file in mine:
            file.unlink(missing_ok=True)


def _log_to_stderr() -> None:
    """One JSON object a line."""
    from meltica.control.call_log import JsonLines

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def up(settings: SettingsPath = None) -> None:
    """Start a gateway in the background and leave it running."""
    from meltica.app.demo.lines import lines_to_try
    from meltica.app.process import GatewayProcess

    chosen = read_settings(settings)
    process = GatewayProcess(chosen.state_folder)
    address = process.start(_written(settings, chosen))
    stop = "meltica down" if settings is None else f"meltica down --settings {settings}"
    print(f"gateway up on {address}; log in {process.log}; stop it with `{stop}`\n")
    print("\n".join(lines_to_try(address, chosen.authority)))


def _written(path: Path | None, settings: Settings) -> Path:
    """The settings as a file, so that the child reads what we read."""
    if path is not None:
        return path
    from meltica.app.process import private_folder

    written = private_folder(settings.state_folder) / "gateway.toml"
    if not written.exists():
        written.write_text("# Every key has a default: `meltica settings` prints them with their meaning.\n", "utf-8")
    return written


def down(settings: SettingsPath = None) -> None:
    """Stop the gateway that `meltica up` started: drain, snapshot, end."""
    from meltica.app.process import GatewayProcess

    stopped = GatewayProcess(read_settings(settings).state_folder).stop()
    print("gateway stopped" if stopped else "no gateway was running")


def show(
    path: Annotated[Path | None, typer.Argument(help="TOML file; without it the defaults.", show_default=False)] = None,
) -> None:
    """Print every key of the settings with its meaning and value, after judging them. It is a settings file itself."""
    from meltica.app.run import check_settings
    from meltica.app.settings_words import page

    chosen = read_settings(path)
    check_settings(chosen)
    print("\n".join(page(chosen)))


def demo(
    data: Annotated[Path | None, typer.Option(help="A recording instead of the built-in market.")] = None,
    seconds: Annotated[float, typer.Option(min=2, max=3600, help="How long to trade.")] = 20.0,
    seed: Annotated[int, typer.Option(help="Of the built-in market.")] = 7,
    state: Annotated[Path, typer.Option(help="Folder for the demo's journal and certificates.")] = Path(".meltica"),
    card: Annotated[Path | None, typer.Option(help="Let the simulated card in this folder judge the orders.")] = None,
) -> None:
    """Run a market maker on the paper venue, watch it, stop it with the kill switch, verify its journal."""
    from meltica.app.demo.demo import run_demo

    raise typer.Exit(asyncio.run(run_demo(data=data, seconds=seconds, seed=seed, state=state, card=card)))


def ca(folder: Annotated[Path, typer.Argument(help="Where to put it.")] = Path(".meltica/ca")) -> None:
    """Make a development CA with server and client certificates, or complete the one that is there."""
    from meltica.control.authority import ensure_authority

    _, made = ensure_authority(folder, datetime.now(UTC))
    print("\n".join(f"made {name}" for name in made) or "everything is there and valid")
    print(f"{folder}: {', '.join(path.name for path in sorted(folder.iterdir()))}")
