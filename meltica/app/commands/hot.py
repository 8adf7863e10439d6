"""``meltica hot``: run the hot process, and see how it is."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from meltica.app.commands.terminal import examples
from meltica.app.hot.process import HotProcess
from meltica.app.hot.report import facts, show
from meltica.app.hot.settings import read_hot_settings
from meltica.domain.errors import MelticaError
from meltica.hot.hot_files import HotFiles
from meltica.hot.hot_status import StatusError, StatusReader

WATCH_EVERY_S: Final = 1.0
EXIT_DEAD: Final = 3
"""Of `status`: the process is not running; 0 when it is."""

app = typer.Typer(help="The hot process: orders in shared memory to the venue.", no_args_is_help=True)

Settings = Annotated[Path, typer.Option("--settings", help="The process' TOML file: docs/guides/hot_process.md.")]
Folder = Annotated[Path, typer.Option("--folder", help="Its folder, as the settings have it.")]


@app.command(epilog=examples("meltica hot run --settings hot.toml --require pinning,mlock"))
def run(
    settings: Settings,
    standalone: Annotated[
        bool, typer.Option("--standalone", help="Without a control plane: limits from the settings' file, no lease.")
    ] = False,
    require: Annotated[
        str, typer.Option(help="Wishes that must be granted, with commas: pinning,mlock,numa,hugepages,...")
    ] = "",
    new_day: Annotated[
        bool, typer.Option("--new-day", help="Set the journal aside: the venue's session is a new one.")
    ] = False,
) -> None:
    """Run until SIGTERM or SIGINT: then no new order leaves, the out buffer is sent, the venue is told goodbye."""
    wishes = [name for name in require.split(",") if name]
    with HotProcess(read_hot_settings(settings), standalone=standalone, require=wishes, new_day=new_day) as process:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: process.end())
        process.run(lambda line: print(f"hot ready {line}", flush=True))
    print("hot ended", flush=True)


@app.command(epilog=examples("meltica hot status --folder /dev/shm/meltica-1000-edge-1 --watch"))
def status(
    folder: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again each second, until Ctrl-C.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Let the histograms begin anew.")] = False,
) -> None:
    """How it is, from shared memory: while it runs, when it hangs, after it died. Exit code 3 when it does not run."""
    try:
        reader = StatusReader(HotFiles(folder).status, writable=reset)
        if reset:
            reader.reset()
        found = _show(reader, as_json=as_json)
        while watch:
            time.sleep(WATCH_EVERY_S)
            reader = StatusReader(HotFiles(folder).status)  # A successor has a file of its own
            if not as_json:
                Console().clear()
            found = _show(reader, as_json=as_json)
    except StatusError as error:
        raise MelticaError(str(error)) from error
    except KeyboardInterrupt:
        return
    if found["process"] != "running":
        raise typer.Exit(EXIT_DEAD)


def _show(reader: StatusReader, *, as_json: bool) -> dict[str, Any]:
    found = facts(reader)
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
    else:
        show(found, Console())
    return found
