import os
import tempfile
import unittest

from ledger.entries import make_entry
from ledger.errors import BrokenFile
from ledger.storage import append_entry, read_entries


class StorageTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "ledger.jsonl")

    def test_entries_come_back_in_order(self):
        first, second = make_entry("2026-01-05", "food", 1), make_entry("2026-01-06", "rent", 2)
        append_entry(self.path, first)
        append_entry(self.path, second)
        self.assertEqual(read_entries(self.path), [first, second])

    def test_no_file_means_no_entries(self):
        self.assertEqual(read_entries(self.path), [])

    def test_a_broken_line_is_told(self):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("{}\n")
        with self.assertRaises(BrokenFile):
            read_entries(self.path)
