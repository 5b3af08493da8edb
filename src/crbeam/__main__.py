"""`python -m crbeam`: the command line."""

from crbeam.interfaces.command_line import main

if __name__ == "__main__":
    main()
