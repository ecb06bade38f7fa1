"""Plants the faults of this folder, one at a time, and says whether the tests they name see them.

    ./run mutants [--json] [NUMBER ...]

A fault counts as killed only where each test that it names fails by assertion with it, and passes without it
in the same run. An import that breaks, a fixture that fails, a test that is skipped or hangs proves nothing.
Faults are planted in copies of the tree; the tree itself stays as it is.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.mutants import patches
from tests.mutants.trees import Children, Report, Test, copy

#: Where the faults are, and the tree that they are planted in.
FOLDER: Final = Path(__file__).resolve().parent
ROOT: Final = FOLDER.parents[1]
#: How many trees are tried at once.
JOBS: Final = 2
#: How long the named tests of one fault may take before they hang, in seconds.
LIMIT_S: Final = 120.0
#: How long all named tests together may take without a fault, in seconds.
LIMIT_OF_ALL_S: Final = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one fault."""

    number: str
    name: str
    what: str
    killed_by: tuple[Test, ...]
    #: `killed`, `survived`, or `void`: it counts for nothing.
    verdict: str
    #: Why it was not killed.
    why: str
    #: Of each named test that fails with some of its parameters only: which fail, and which pass.
    partly: tuple[str, ...] = ()
    seconds: float


def main(arguments: Sequence[str], *, root: Path = ROOT, folder: Path = FOLDER) -> int:
    """Plant the faults of a folder in copies of a tree; return 0 where every one was killed."""
    parser = argparse.ArgumentParser(prog="./run mutants", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("numbers", nargs="*", metavar="NUMBER", help="only these: 07 12")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    asked = parser.parse_args(arguments)
    chosen = choose(patches.mutants_in(folder), asked.numbers)
    if isinstance(chosen, str):
        parser.error(chosen)
    verdicts = try_all(root, chosen, tell=_tell)
    if asked.json:
        print(json.dumps([asdict(verdict) for verdict in verdicts], indent=2, ensure_ascii=False))
    else:
        print("\n".join(table(verdicts)))
    return 0 if all(verdict.verdict == "killed" for verdict in verdicts) else 1


def choose(mutants: Sequence[patches.Mutant], numbers: Sequence[str]) -> list[patches.Mutant] | str:
    """Return the faults with these numbers, all where none is named, or in words why that cannot be."""
    wanted = {number.zfill(2) for number in numbers}
    if unknown := sorted(wanted - {mutant.number for mutant in mutants}):
        return f"there is no fault {unknown[0]}"
    return [mutant for mutant in mutants if not wanted or mutant.number in wanted]


def try_all(
    root: Path, mutants: Sequence[patches.Mutant], *, tell: Callable[[str], None], limit_s: float = LIMIT_S
) -> list[Verdict]:
    """Try faults in copies of a tree, two at once; return what came of them, by number.

    - a folder of copies, for as long as it lasts
    """
    with tempfile.TemporaryDirectory(prefix="eoi-mutants-") as scratch, Children() as children:
        sound = Path(scratch) / "sound"
        copy(root, sound)
        named = sorted({test for mutant in mutants for test in mutant.killed_by})
        tell(f"without a fault: {len(named)} tests ...")
        began = time.monotonic()
        unplanted = children.report(sound, named, limit_s=LIMIT_OF_ALL_S)
        tell(f"without a fault: {len(named)} tests, {time.monotonic() - began:.1f} s")

        def attempt(mutant: patches.Mutant) -> Verdict:
            return _attempt(mutant, sound, unplanted, children, limit_s)

        verdicts = []
        with ThreadPoolExecutor(JOBS) as pool:
            try:
                for future in as_completed([pool.submit(attempt, mutant) for mutant in mutants]):
                    verdicts.append(future.result())
                    tell(f"[{len(verdicts)}/{len(mutants)}] {_line(verdicts[-1])}")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                children.kill()
                raise
    return sorted(verdicts, key=lambda verdict: verdict.number)


def _attempt(
    mutant: patches.Mutant, sound: Path, unplanted: Report, children: Children, limit_s: float
) -> Verdict:
    """Try one fault in a copy of its own, which is thrown away again."""
    began, partly = time.monotonic(), tuple[str, ...]()
    verdict, why = judge_unplanted(mutant.killed_by, unplanted)
    if not verdict:
        copied = sound.with_name(mutant.number)
        shutil.copytree(sound, copied)
        try:
            patches.plant(mutant, copied)
            planted = children.report(copied, mutant.killed_by, limit_s=limit_s)
            verdict, why = judge(mutant.killed_by, planted)
            partly = tuple(seen_partly(mutant.killed_by, planted))
        except patches.BadPatch as exc:
            verdict, why = "void", str(exc)
        finally:
            shutil.rmtree(copied, ignore_errors=True)
    return Verdict(
        number=mutant.number,
        name=mutant.name,
        what=mutant.what,
        killed_by=mutant.killed_by,
        verdict=verdict,
        why=why,
        partly=partly,
        seconds=round(time.monotonic() - began, 1),
    )


def judge(named: Iterable[Test], report: Report) -> tuple[str, str]:
    """Return the verdict on a fault by how its tests ended with it, and why it was not killed."""
    survived = ""
    for test in named:
        endings = list(_cases(test, report).values())
        if other := [ending for ending in endings if ending not in ("passed", "skipped", "assertion")]:
            return "void", f"{test} failed, but not by assertion: {other[0]}"
        if unseen := _unseen(test, endings, report):
            return "void", unseen
        if "assertion" not in endings:
            survived = f"{test} passes"
    return ("survived", survived) if survived else ("killed", "")


def judge_unplanted(named: Iterable[Test], report: Report) -> tuple[str, str]:
    """Return why a fault counts for nothing by how its tests ended without it; nothing where they passed."""
    for test in named:
        endings = list(_cases(test, report).values())
        if other := [ending for ending in endings if ending not in ("passed", "skipped")]:
            return "void", f"without the fault, {test} fails as well: {other[0]}"
        if unseen := _unseen(test, endings, report):
            return "void", f"without the fault, {unseen}"
    return "", ""


def seen_partly(named: Iterable[Test], report: Report) -> Iterable[str]:
    """Return each test that does not fail with all of its parameters, and which fail and which do not."""
    for test in named:
        cases: dict[str, list[str]] = {}
        for case, ending in sorted(_cases(test, report).items()):
            cases.setdefault("fail" if ending == "assertion" else "pass", []).append(case or test)
        if len(cases) > 1:
            yield f"{test}: " + "; ".join(f"{' '.join(cases[how])} {how}" for how in ("fail", "pass"))


def _cases(test: Test, report: Report) -> dict[str, str]:
    """Return how the cases of a named test ended: itself, or one for each of its parameters."""
    return {
        each.removeprefix(test): ending
        for each, ending in report.tests.items()
        if each == test or each.startswith((f"{test}[", f"{test}::"))
    }


def _unseen(test: Test, endings: Sequence[str], report: Report) -> str:
    """Return in words that a test saw nothing; nothing where it did."""
    if not endings:
        return f"{test} did not run. {report.trouble}".rstrip()
    return f"{test} is skipped" if set(endings) == {"skipped"} else ""


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """Return what came of all faults, a line for each, and the sum."""
    width = max((len(verdict.name) for verdict in verdicts), default=0)
    lines = [f"{each.number} {each.name:{width}} {each.verdict:8} {each.what}" for each in verdicts]
    for each in verdicts:
        if each.why:
            lines += ["", f"{each.number} {each.name} {each.verdict}: {each.why}"]
        if each.partly:
            lines += ["", f"{each.number} {each.name} is seen by some cases only:"]
            lines += [f"  {test}" for test in each.partly]
    counts = {word: sum(each.verdict == word for each in verdicts) for word in ("killed", "survived", "void")}
    return [*lines, "", f"faults: {len(verdicts)}; " + ", ".join(f"{n} {word}" for word, n in counts.items())]


def _line(verdict: Verdict) -> str:
    return f"{verdict.verdict:8} {verdict.number} {verdict.name} ({verdict.seconds:.1f} s)"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except patches.BadPatch as exc:
        sys.exit(f"mutants: {exc}")
    except KeyboardInterrupt:
        sys.exit(130)
