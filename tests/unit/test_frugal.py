"""A daemon and a collector are spared pandas, which their libraries would import for the first value they see."""

import subprocess
import sys

USED = """
import sys
from datetime import datetime
from backends.frugal import without_pandas
without_pandas()
import duckdb, numpy as np, pyarrow as pa
table = pa.table({"a": pa.array([1, 2]), "b": pa.array(np.arange(2))})
connection = duckdb.connect()
connection.register("given", table)
found = connection.execute("SELECT count(*) FROM given WHERE $at > '2020-01-01'", {"at": datetime.now()}).fetchall()
print(found, connection.execute("FROM given").to_arrow_table().num_rows, "pandas" in sys.modules)
"""


def test_arrow_and_duckdb_work_without_pandas_and_do_not_import_it() -> None:
    done = subprocess.run([sys.executable, "-c", USED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[(2,)]", "2", "False"]
