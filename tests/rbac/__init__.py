"""Who may do what, on every route: on paper as a table to review, and asked of a whole cloud over HTTP."""
