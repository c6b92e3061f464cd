"""What the command line is before it does anything: quick, complete, and the same by every way in."""

import signal
import subprocess
import sys

import pytest

from connector.cli import main
from connector.cli.session import Surroundings

SLOW = ("simple_salesforce", "werkzeug", "cryptography", "requests", "sqlite_utils", "pydantic", "yaml")


def test_help_loads_nothing_that_is_slow() -> None:
    code = (
        "import sys; from connector.cli import main; main(['--help']); "
        f"print([name for name in {SLOW!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_looking_at_the_state_loads_no_salesforce_client_and_no_sandbox() -> None:
    code = (
        "import sys; from connector.cli import main; main(['status', '--home', '/nowhere']); "
        "import connector.cli.status, connector.cli.sync; "
        "print([name for name in ('simple_salesforce', 'connector.sandbox') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "command",
    [
        *"demo check preview plan sync resync status runs rejects gaps sandbox help".split(),
        *"mapping.new mapping.test mapping.schema".split(),
    ],
)
def test_every_command_takes_the_common_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([*command.split("."), "--help"], Surroundings({}))
    told = capsys.readouterr().out
    assert (code, [one for one in ("--json", "--quiet", "--home", "--debug") if one not in told]) == (0, [])


def test_second_signal_ends_the_process_at_once() -> None:
    code = """if True:
        import signal
        from connector.assemble import StopSign
        from connector.cli.stopping import stoppable
        with stoppable(StopSign(), lambda text: print(text, flush=True)):
            print("ready", flush=True)
            while True:
                signal.pause()
        """
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline()]
        process.send_signal(signal.SIGTERM)
        told.append(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert (told, process.wait(timeout=30)) == (
            ["ready\n", "stopping at the next safe point; once more ends at once\n"],
            143,
        )
