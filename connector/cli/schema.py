"""`connector schema`: what a stream needs in Salesforce, as a project folder, held against the org, or deployed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from rich.markup import escape

from connector.assemble import Seams, StopSign, choose_mappings
from connector.cli.session import Session, UsageProblem, sign_of
from connector.config import Config
from connector.errors import ConfigError
from connector.mapping import compile_mapping, load_mappings
from connector.salesforce.connect import Org
from connector.salesforce.schema.deploy import DeployProgress, assign, deploy
from connector.salesforce.schema.differences import Difference, differences, fetch_present, left_to_do
from connector.salesforce.schema.files import package_files, project_files, zipped
from connector.salesforce.schema.plan import Plan, plan_schema
from connector.transport import Transport


def run_schema(
    session: Session, stream: str, *, out: Path | None, force: bool, diff: bool, deploy: bool, check_only: bool
) -> int:
    """Write the project folder; or, asked for, compare with the org (1 when something is missing) or deploy.

    Raises UsageProblem for options that contradict each other, MappingError for fields Salesforce would refuse,
    ConfigError for files that were changed by hand, and what the org's calls raise.
    """
    if diff and deploy:
        raise UsageProblem("--diff only looks, --deploy changes", "choose one; --deploy --check-only tries it")
    if check_only and not deploy:
        raise UsageProblem("--check-only belongs to --deploy")
    if (diff or deploy) and (out is not None or force):
        raise UsageProblem("--out and --force belong to the written folder", "leave out --diff and --deploy")
    config = session.salesforce_config() if diff or deploy else session.local_config()
    session.announce(config, will_write=False)
    plan = _plan(config, stream)
    if not session.as_json and not session.quiet:
        for note in plan.notes:
            session.note(f"! {note}")
    if diff:
        return _compare(session, config, plan)
    if deploy:
        return _deploy(session, config, plan, check_only=check_only)
    return _write(session, plan, config, out or config.home / "salesforce" / stream, force=force)


def _plan(config: Config, stream: str) -> Plan:
    (mapping,) = choose_mappings(config, [stream])
    known = {target.object for one in load_mappings(config.mappings).values() for target in one.targets}
    return plan_schema(compile_mapping(mapping), known)


# --- the folder ---------------------------------------------------------------------------------------------------


def _write(session: Session, plan: Plan, config: Config, folder: Path, *, force: bool) -> int:
    files = project_files(plan, config.salesforce.api_version)
    there = {path: _content(folder / path) for path in files}
    changed = [path for path, text in files.items() if there[path] not in (None, text)]
    if changed and not force:
        listed = "\n".join(str(folder / path) for path in changed)
        raise ConfigError(
            f"these files are there with another content, and nothing was written:\n{listed}",
            "compare them; --force writes over them, --out writes elsewhere",
        )
    written = [path for path, text in files.items() if there[path] != text]
    for path in written:
        try:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(files[path], encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{folder / path}: cannot be written: {error.strerror or error}", "is the folder yours?"
            ) from error
    unchanged = [path for path in files if path not in written]
    document = {"folder": folder, "written": written, "unchanged": unchanged, "notes": plan.notes, "exit_code": 0}
    session.show(document)
    if not session.as_json and not session.quiet:
        told = f"{len(written)} files written" + (f", {len(unchanged)} as they were" if unchanged else "")
        _say(session, f"{sign_of(session.out, good=True)} [bold]{escape(str(folder))}[/]: {told}")
        _lines(session, written)
        _lines(
            session, [f"deploy it: cd {folder} && sf project deploy start, or connector schema {plan.stream} --deploy"]
        )
    return 0


def _content(path: Path) -> str | None:
    """The text of a file, None when it is not there. Raises ConfigError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}", "is the folder yours?") from error


# --- the org ------------------------------------------------------------------------------------------------------


def _compare(session: Session, config: Config, plan: Plan) -> int:
    with _connected(session, config) as (org, _):
        found = differences(plan, fetch_present(org, plan))
        org_id = org.org_id
    code = int(any(one.is_needed for one in found))
    session.show({"org": org_id, "stream": plan.stream, "differences": found, "notes": plan.notes, "exit_code": code})
    if not session.as_json and (not session.quiet or code):
        _show_differences(session, plan, found)
    return code


def _show_differences(session: Session, plan: Plan, found: Sequence[Difference]) -> None:
    if not found:
        count = f"{len(plan.fields)} fields of {', '.join(dict.fromkeys(plan.targets))}"
        _say(
            session, f"{sign_of(session.out, good=True)} the org has what {escape(plan.stream)} needs: {escape(count)}"
        )
        return
    for one in found:
        sign = sign_of(session.out, good=False) if one.is_needed else "-"
        _say(session, f"{sign} [bold]{escape(one.place)}[/]: {escape(one.text)}")
    if any(one.is_needed for one in found):
        _lines(session, [f"-> connector schema {plan.stream} --deploy makes what is missing and grants the rights"])


def _deploy(session: Session, config: Config, plan: Plan, *, check_only: bool) -> int:
    with _connected(session, config) as (org, seams):
        present = fetch_present(org, plan)
        left = left_to_do(plan, present)
        for one in differences(plan, present):
            if one.kind in ("type", "flags", "size"):
                session.warn(f"{one.place}: {one.text}; it is left as it is")
        package = zipped(package_files(left, config.salesforce.api_version))
        done = deploy(org, package, check_only=check_only, sleep=seams.sleep, tell=_teller(session))
        is_new = None if check_only else assign(org, plan.permissions.name)
        org_id = org.org_id
    made = {
        "org": org_id,
        "deploy": done.id,
        "check_only": check_only,
        "objects": [one.name for one in left.objects],
        "fields": [one.full_name for one in left.fields],
        "permission_set": plan.permissions.name,
        "assigned": is_new,
        "notes": plan.notes,
        "exit_code": 0,
    }
    session.show(made)
    if not session.as_json and not session.quiet:
        verb = "would be made" if check_only else "made"
        _say(session, f"{sign_of(session.out, good=True)} deploy {done.id}: {len(left.fields)} fields {verb}")
        _lines(session, [*(one.name for one in left.objects), *(one.full_name for one in left.fields)])
        if is_new is not None:
            told = "given to this user" if is_new else "this user has it already"
            _say(session, f"{sign_of(session.out, good=True)} permission set {plan.permissions.name}: {told}")
            _lines(session, [f"next: connector check {plan.stream}"])
    return 0


def _teller(session: Session) -> Callable[[DeployProgress], None]:
    """A line whenever the deploy got further."""
    last: list[DeployProgress] = []

    def tell(progress: DeployProgress) -> None:
        if [progress] == last:
            return
        last[:] = [progress]
        if not session.quiet and not session.as_json:
            count = f", {progress.done} of {progress.total} components" if progress.total else ""
            session.note(f"deploy: {progress.status}{count}")

    return tell


@contextmanager
def _connected(session: Session, config: Config) -> Iterator[tuple[Org, Seams]]:
    stop = StopSign()
    seams = session.seams(stop, lambda progress: None)
    with closing(Transport(now=seams.now, sleep=seams.sleep, mount=seams.mount)) as transport:
        yield Org(config.salesforce, transport), seams


def _say(session: Session, line: str) -> None:
    session.out.print(line, highlight=False, soft_wrap=True)


def _lines(session: Session, lines: Sequence[str]) -> None:
    for line in lines:
        session.out.print(f"    {line}", highlight=False, markup=False, soft_wrap=True)
