"""Values, tables, figures and errors as what a page can show: data, never trusted markup."""
