"""One JSON object a line, whatever is in it."""

import json
import logging
import sys

from meltica.control.call_log import JsonLines


def test_a_line_is_one_object_with_its_fields():
    record = logging.LogRecord("meltica", logging.INFO, "file", 1, "two\nlines %s", ("ä\x00",), None)
    record.fields = {"actor": "spiffe://a/person/b", "microseconds": 5}
    line = JsonLines().format(record)
    assert "\n" not in line
    read = json.loads(line)
    assert read["message"] == "two\nlines ä\x00"
    assert (read["actor"], read["microseconds"], read["level"]) == ("spiffe://a/person/b", 5, "INFO")
    assert read["time"].endswith("+00:00")


def test_an_exception_is_in_the_line():
    try:
        raise ValueError("boom")  # noqa: TRY301 - a traceback is what is wanted
    except ValueError:
        record = logging.LogRecord("meltica", logging.ERROR, "file", 1, "failed", (), sys.exc_info())
    assert "ValueError: boom" in json.loads(JsonLines().format(record))["exception"]
