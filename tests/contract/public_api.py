"""What is promised: each public name, and how it is called.

    python -m tests.contract.public_api write
    python -m tests.contract.public_api breaks

The first writes `public_api.txt`, which a test compares with the code, so that no change of a
promise goes unseen. The second tells what an app that was written for the last tag would trip over;
the exit code is 1 if the changelog does not tell it under a heading `### Breaking`.

All of it is read from the source, nothing is imported: it is the same on each Python.
"""

import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import griffe

ROOT = Path(__file__).parents[2]
SNAPSHOT = Path(__file__).with_name("public_api.txt")
PACKAGE = "fastapi_crud"
PLUG_INS = ("fastapi_crud.admin", "fastapi_crud.auth", "fastapi_crud.tasks", "fastapi_crud.testing")
HEADING = "### Breaking"
WIDTH = 100
"""Characters of a line; longer signatures have one for each parameter, so that changes are seen."""
EXPORT = re.compile(r"\b(\w+) as \1\b")
ENTRY = re.compile(r"^::: ([\w.]+)", re.MULTILINE)


def main(command: str) -> int:
    """Run one of the commands; the exit code."""
    if command == "write":
        SNAPSHOT.write_text(snapshot(ROOT), encoding="utf-8")
        return 0
    tag = last_tag(ROOT)
    if tag is None:
        _say("no tag yet: there is nothing to break")
        return 0
    with TemporaryDirectory() as released:
        _check_out(ROOT, tag, Path(released))
        found = breaks(Path(released), ROOT)
    for line in found:
        _say(line)
    if found and not tells_breaks((ROOT / "CHANGELOG.md").read_text(encoding="utf-8")):
        _say(f"{len(found)} breaks since {tag}: tell them in CHANGELOG.md under {HEADING}")
        return 1
    _say(f"compared with {tag}")
    return 0


def snapshot(root: Path) -> str:
    """Write down each public name of a checkout."""
    package = _load(root)
    names = public_names(root, package)
    lines = (line for name in names for line in _lines(name, package, names))
    return "\n".join(lines) + "\n"


def public_names(root: Path, package: griffe.Module) -> list[str]:
    """Give what is public: what the packages export, and what the reference has an entry for."""
    pages = sorted((root / "docs" / "reference").glob("*.md"))
    names = {it for page in pages for it in ENTRY.findall(page.read_text(encoding="utf-8"))}
    for name in [PACKAGE, *(it for it in PLUG_INS if _is_there(package, it)), *sorted(names)]:
        found = _find(package, name)
        if isinstance(found, griffe.Module):
            names |= {f"{name}.{member}" for member in _exported(found)}
            names.discard(name)
    shortest: dict[str, str] = {}
    for name in sorted(names, key=len):
        shortest.setdefault(_find(package, name).path, name)
    return sorted(shortest.values())


def breaks(old: Path, new: Path) -> list[str]:
    """Tell what has changed between two checkouts so that a caller of a public name must change."""
    before, after = _load(old), _load(new)
    names = public_names(old, before)
    gone = [name for name in names if not _is_there(after, name)]
    public = {path for name in names if name not in gone for path in _paths(_find(before, name))}
    changed = [
        f"{breakage.obj.path}: {breakage.kind.value}"
        for breakage in griffe.find_breaking_changes(before, after)
        if any(f"{breakage.obj.path}.".startswith(f"{path}.") for path in public)
    ]
    return [f"{name}: it is gone" for name in gone] + sorted({*changed})


def tells_breaks(changelog: str) -> bool:
    """Whether the part of a changelog that is not released yet has the heading."""
    return HEADING in re.split(r"^## ", changelog, flags=re.MULTILINE)[1].splitlines()


def last_tag(root: Path) -> str | None:
    """Give the tag before this commit, if there is one."""
    command = ["git", "describe", "--tags", "--abbrev=0"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _check_out(root: Path, tag: str, target: Path) -> None:
    command = ["git", "archive", tag, PACKAGE, "docs/reference"]
    archive = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(target, filter="data")


def _load(root: Path) -> griffe.Module:
    package = griffe.load(
        PACKAGE, search_paths=[root], try_relative_path=False, allow_inspection=False
    )
    assert isinstance(package, griffe.Module)
    return package


def _is_there(package: griffe.Module, name: str) -> bool:
    try:
        _find(package, name)
    except (KeyError, griffe.AliasResolutionError):
        return False
    return True


def _find(package: griffe.Module, name: str) -> griffe.Object:
    path = name.partition(".")[2]
    found = package[path] if path else package
    if isinstance(found, griffe.Module):  # which may hide a function of its own name
        inside = found.members.get(found.name)
        found = inside if isinstance(inside, griffe.Function) else found
    return found.final_target if isinstance(found, griffe.Alias) else found


def _exported(module: griffe.Module) -> list[str]:
    """Give the names in a package that are written `X as X`; a room exports none by itself."""
    if not module.is_init_module:
        return []
    return EXPORT.findall(re.sub(r"^ *import .*", "", module.source, flags=re.MULTILINE))


def _paths(found: griffe.Object) -> Iterator[str]:
    """Give where an object is, and where the rest of it is that it inherits."""
    yield found.path
    if isinstance(found, griffe.Class):
        yield from (base.path for base in found.mro())


def _lines(name: str, package: griffe.Module, names: Iterable[str]) -> Iterator[str]:
    found = _find(package, name)
    if not isinstance(found, griffe.Class):
        yield _line(name, found)
        return
    bases = ", ".join(str(base) for base in found.bases)
    yield f"class {name}({bases})"
    promised = {_find(package, each).path for each in names} - {found.path}
    for member, value in sorted(found.all_members.items()):
        target = value.final_target if isinstance(value, griffe.Alias) else value
        inherited = target.parent is not None and target.parent.path in promised
        if not inherited and (member == "__init__" or not member.startswith("_")):
            yield _line(f"{name}.{member}", target)


def _line(name: str, found: griffe.Object) -> str:
    if isinstance(found, griffe.Function):
        prefix = "async " if "async" in found.labels else ""
        parameters = [*_parameters(found)]
        line = f"{prefix}{name}({', '.join(parameters)}) -> {found.returns}"
        if len(line) <= WIDTH:
            return line
        rows = "".join(f"    {each},\n" for each in parameters)
        return f"{prefix}{name}(\n{rows}) -> {found.returns}"
    if isinstance(found, griffe.Attribute):
        annotation = "" if found.annotation is None else f": {found.annotation}"
        is_alias = isinstance(found.parent, griffe.Module)
        return f"{name}{annotation}" + (f" = {found.value}" if is_alias else "")
    return f"{found.kind.value} {name}"


def _parameters(function: griffe.Function) -> Iterator[str]:
    marks = {"variadic positional": "*", "variadic keyword": "**"}
    star = False
    for each in function.parameters:
        kind = each.kind.value if each.kind else ""
        if kind == "keyword-only" and not star:
            yield "*"
        star = star or kind in {"keyword-only", "variadic positional"}
        variadic = kind in marks
        annotation = "" if each.annotation is None else f": {each.annotation}"
        default = "" if each.default is None or variadic else f" = {each.default}"
        yield f"{marks.get(kind, '')}{each.name}{annotation}{default}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
