"""Read-only maintenance: nothing is changed through the API, and reading goes on."""
