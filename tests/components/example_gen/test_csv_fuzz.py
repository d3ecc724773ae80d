"""Damaged CSV files end no process and are not misread; a memory fault would end the subprocess."""

import subprocess
import sys
from pathlib import Path


def test_damaged_csv_files_are_refused_or_read_right() -> None:
    script = Path(__file__).with_name("csv_fuzz.py")
    done = subprocess.run(
        [sys.executable, str(script), "7", "100"], capture_output=True, text=True, timeout=300
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert (
        int(done.stdout) >= 20
    )  # of 100 tables; the others could not be used, or are beyond the simple reading


def test_a_row_of_a_million_delimiters_is_rejected_and_harms_no_later_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,y\n1,2,0\n3,4,1\n" + "," * 1_000_000 + "\n" + "1,2,0\n3,4,1\n" * 50)
    script = f"""
from components.config.data import DataConfig
from components.example_gen.block_parsing import CsvBlockParser
from components.example_gen.table import find_table
for _ in range(5):
    table = find_table(DataConfig(input={str(path)!r}, label="y"))
    header = table.headers[0]
    body = open({str(path)!r}, "rb").read()[header.offset:]
    parsed = CsvBlockParser(header, table.read_columns).parse(body, header.line)
    print(len(parsed.label), [(row.line, row.reason) for row in parsed.rejected])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "102 [(4, 'expected 3 fields, found 1000001')]\n" * 5
