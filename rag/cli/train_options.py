"""The options that several trainings share."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

FoldersArgument = Annotated[list[Path], Argument(help="Folders of labelled questions.", metavar="FOLDER...")]
OutOption = Annotated[Path, Option(metavar="FILE", help="The safetensors file to write, with a model card beside it.")]
ModelOption = Annotated[str, Option(metavar="NAME", help='"bundled", a folder, or a name in the Hugging Face cache.')]
EpochsOption = Annotated[float, Option(min=0.001, metavar="N", help="How often all of it is read.")]
MinutesOption = Annotated[float | None, Option(min=0.01, metavar="N", help="Stop after so many minutes.")]
RateOption = Annotated[float, Option(min=1e-7, metavar="N", help="Learning rate at its height.")]
PairsOption = Annotated[int | None, Option("--most", min=1, metavar="N", help="Pairs of each folder at most.")]
StartOption = Annotated[Path | None, Option(metavar="FILE", help="Go on from this file of an earlier training.")]
SeedOption = Annotated[int, Option(metavar="N", help="Seed of everything random.")]
