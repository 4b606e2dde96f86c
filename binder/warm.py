"""Make the CPU kernels that LeNet needs before anybody waits for them: python binder/warm.py [--behind]

With --behind that is done by a process of its own, which says nothing and ends when it is done.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def warm():
    """Train LeNet for some steps on the test images, as the notebook does on all."""
    import brewbench

    mnist, models = NOTEBOOKS / "data" / "mnist", NOTEBOOKS / "models" / "lenet"
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "images")
        brewbench.convert_mnist(mnist / "t10k-images-idx3-ubyte.gz", mnist / "t10k-labels-idx1-ubyte.gz", database)
        net = (models / "lenet_train_test.prototxt").read_text(encoding="utf-8")
        net = re.sub(r'source: ".*"', lambda _: f'source: "{database.as_posix()}"', net)
        Path(folder, "net.prototxt").write_text(net, encoding="utf-8")
        solver = Path(folder, "solver.prototxt")
        path = Path(folder, "net.prototxt").as_posix()
        solver.write_text(f'net: "{path}" test_iter: 3 test_interval: 5 base_lr: 0.01 lr_policy: "fixed" momentum: 0.9')
        training = brewbench.get_solver(solver)
        training.step(5)
        training.close()


def main():
    if "--behind" not in sys.argv[1:]:
        return warm()
    options = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    subprocess.Popen([sys.executable, __file__], start_new_session=True, **options)


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(5)
    main()
