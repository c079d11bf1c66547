"""python -m aigc_cli"""

from aigc_cli.cli import run

if __name__ == "__main__":
    run()
