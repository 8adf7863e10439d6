import numpy as np
import numpy.typing as npt

class ItchColumns:
    columns: dict[str, npt.NDArray[np.generic]]
    counts: npt.NDArray[np.uint64]

    def __init__(self, capacity: int) -> None: ...
    def decode(self, buffer: bytes, offset: int) -> tuple[int, int, int]: ...
