"""lsend in a CI job: no terminal, no standard input, only exit codes and JSON."""

import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from lab.process import check_sanitizers, environment

SCRIPT = pathlib.Path(__file__).with_name("pipeline.sh")
STEPS = ["push: 0", "result: read", "busy: 9", "no PIN: 7", "locked out: 7", "over the limit: 15",
         "refused connection: 5", "unknown alias: 3", "ok"]


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl(1)")
def test_PS3_a_pipeline_pushes_artifacts_and_branches_on_exit_codes(lsend, tmp_path):
    """PS2, PS3: every refusal has its code; standard input is closed and there is no terminal."""
    command = ["bash", "-c", 'exec "$0" "$@" <&-', str(SCRIPT), lsend, str(tmp_path)]
    output = tmp_path.with_name(tmp_path.name + ".log")
    with open(output, "wb") as log:
        job = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                               stderr=subprocess.STDOUT, start_new_session=True,
                               env=environment(tmp_path, {"CI": "true"}))
        try:
            code = job.wait(240)
        finally:
            if job.poll() is None:
                os.killpg(job.pid, signal.SIGKILL)
                job.wait(10)
    text = output.read_text()
    print(text)
    for errors in tmp_path.glob("*.err"):
        check_sanitizers(errors.read_text())
    assert code == 0, text
    said = [line.removeprefix("pipeline: ") for line in text.splitlines()]
    assert [step for step in STEPS if step not in said] == []
