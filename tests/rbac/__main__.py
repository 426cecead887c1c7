"""Write the table of rights anew: `python -m tests.rbac`.  Review its diff as carefully as code."""

from __future__ import annotations

from tests.rbac.matrix import FILE, table, text
from welkin.app import all_routes

if __name__ == "__main__":
    FILE.write_text(text(table(all_routes())))
