"""What a proof is: fpga/formal/<name>.toml beside its harness <name>_proof.sv.

says = "the kill switch: release never wins over engage"
block = "kill_switch"          # the files of fpga/rtl/kill_switch.f, then the harness
modes = ["prove", "cover"]     # of sby; bmc where induction is out of reach
depth = 10
engine = "smtbmc yices"
parameters = {Depth = 4}       # of the top, which is the module <name>_proof
[[bug]]                        # each bug must make the proof fail: a proof that can't fail proves nothing
name = "release_wins"
file = "kill_switch.sv"
old = "text that is there once"
new = "what stands there instead"
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fpga.filelist import RTL, sources

HERE = Path(__file__).resolve().parent
SEARCH = "smtbmc yices"  # For traces: of a bug, of what must be reachable
MODES = frozenset({"prove", "bmc", "cover"})
RULES = ("axis_rules", "axil_rules")  # Generic modules that harnesses use


class ProofError(ValueError):
    """A proof is written down wrongly."""


@dataclass(frozen=True)
class Bug:
    name: str
    file: str
    old: str
    new: str

    def planted(self, text: str) -> str:
        if text.count(self.old) != 1:
            raise ProofError(f"bug {self.name}: {self.file} has its text {text.count(self.old)} times, not once")
        if self.old == self.new:
            raise ProofError(f"bug {self.name} changes nothing")
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Proof:
    name: str
    says: str
    block: str
    modes: tuple[str, ...] = ("prove",)
    depth: int = 20
    induction: int = 0  # Depth of mode prove, where it differs: 2 if the assertions are inductive by themselves
    engine: str = "smtbmc yices"  # Of mode prove; `abc pdr` finds invariants by itself
    seconds: int = 600
    top: str = ""
    parameters: dict[str, int | str] = field(default_factory=dict)
    bugs: tuple[Bug, ...] = ()
    shrinks: tuple[Bug, ...] = ()  # Constants made small in every case, as parameters are

    def files(self) -> list[Path]:
        harness = HERE / f"{self.name}_proof.sv"
        if not harness.exists():
            return sources(self.block)
        used = harness.read_text("utf-8")
        rules = [HERE / f"{name}.sv" for name in RULES if re.search(rf"\b{name}\b", used)]
        return [*sources(self.block), *rules, harness]

    def texts(self, bug: Bug | None = None) -> dict[str, str]:
        """File name -> text, in the order in which they are read, with the bug in its place."""
        found = {path.name: path.read_text("utf-8") for path in self.files()}
        for change in (*self.shrinks, *([bug] if bug else [])):
            if change.file not in found:
                raise ProofError(f"{self.name}: {change.name} is in {change.file}, not among {', '.join(found)}")
            found[change.file] = change.planted(found[change.file])
        return found

    def cases(self) -> Iterator[tuple[str, str, Bug | None]]:
        """Name, mode, bug of everything that has to run."""
        for mode in self.modes:
            yield mode, mode, None
        for bug in self.bugs:
            # A bug is shown by a run from reset: a failing induction step alone may be a state that can't be reached.
            yield f"bug_{bug.name}", "bmc", bug


def read(path: Path) -> Proof:
    facts = tomllib.loads(path.read_text("utf-8"))
    bugs, shrinks = (tuple(Bug(**change) for change in facts.pop(kind, [])) for kind in ("bug", "shrink"))
    modes = tuple(facts.pop("modes", ("prove",)))
    try:
        proof = Proof(name=path.stem, modes=modes, bugs=bugs, shrinks=shrinks, **facts)
    except TypeError as error:
        raise ProofError(f"{path.name}: {error}") from error
    if not bugs:
        raise ProofError(f"{path.name}: no planted bug, so nothing shows that this proof can fail")
    if not set(modes) <= MODES or not modes:
        raise ProofError(f"{path.name}: modes {', '.join(modes)} are not of {', '.join(sorted(MODES))}")
    if not (RTL / f"{proof.block}.f").exists():
        raise ProofError(f"{path.name}: no block {proof.block}")
    return proof


def all_proofs(folder: Path = HERE) -> list[Proof]:
    return [read(path) for path in sorted(folder.glob("*.toml"))]


def script(proof: Proof, mode: str, names: list[str]) -> str:
    """The .sby file of one case."""
    engine = proof.engine if mode == "prove" else SEARCH
    depth = proof.induction or proof.depth if mode == "prove" else proof.depth
    top = proof.top or f"{proof.name}_proof"
    settings = "".join(f" -G {name}={value}" for name, value in proof.parameters.items())
    files = " ".join(names)
    return (
        f"[options]\nmode {mode}\ndepth {depth}\ntimeout {proof.seconds}\n\n[engines]\n{engine}\n\n"
        f"[script]\nread_slang --threads 1 -D FORMAL -D SYNTHESIS{settings} {files} --top {top}\nprep -top {top}\n\n"
        f"[files]\n{chr(10).join(names)}\n"
    )


def digest(*texts: str) -> str:
    whole = hashlib.sha256()
    for text in texts:
        whole.update(text.encode() + b"\0")
    return whole.hexdigest()
