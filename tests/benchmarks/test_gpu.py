"""The benchmark of GPUs, on a machine without one: what it prints, and a measurement on two devices of the CPU."""

from types import SimpleNamespace

from benchmarks import gpu

CPU = {"devices": [], "replicas": 1, "rows_a_second": 1e6, "equality_loss": 0.5, "utilisation": None}
TWO = {
    "devices": ["NVIDIA T4"] * 2,
    "replicas": 2,
    "rows_a_second": 2.5e6,
    "equality_loss": 0.50001,
    "utilisation": 80,
}


def test_the_table_compares_with_the_cpu() -> None:
    args = SimpleNamespace(rows=1_000, features=20, batch_size=8_192, epochs=5)
    *_, cpu, two = gpu.table({"the CPU": CPU, "2 x NVIDIA T4": TWO}, args).splitlines()
    assert cpu == "| the CPU | 1,000,000 | 1.00 |  | 0.500000 | 0.0e+00 |"
    assert two == "| 2 x NVIDIA T4 | 2,500,000 | 2.50 | 80% | 0.500010 | 2.0e-05 |"


def test_the_line_for_the_readme_names_the_largest_number_of_gpus() -> None:
    line = gpu.readme_line({"the CPU": CPU, "2 x NVIDIA T4": TWO})
    expected = "| a GPU | 2 x NVIDIA T4: 2,500,000 rows a second, 2.5 times the CPU's | `benchmarks/gpu.py` |"
    assert line == expected


def test_two_devices_train_as_one() -> None:
    """A measurement in a new process, as for GPUs, has as many replicas as devices, and the loss of one here."""
    args = gpu.parse(["--rows", "2000", "--batch-size", "512", "--epochs", "1"])
    one, two = gpu.measure(args), gpu.run(args, 0, 2)
    assert (one["replicas"], two["replicas"]) == (1, 2)
    assert gpu.difference(two, one) < 1e-6
