"""`python -m tests.pages`: write the generated parts of the pages."""

from tests.pages.generated import write

if __name__ == "__main__":
    write()
