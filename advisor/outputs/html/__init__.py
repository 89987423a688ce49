"""`report.html`: one file that needs nothing else, neither network nor script."""
