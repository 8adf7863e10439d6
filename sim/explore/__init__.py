"""A block of the card to poke by hand, with PyVerilator: for a look, not to judge (sim/rtl) or for speed (sim/device).

    python -m sim.explore kill_switch            a prompt
    from sim.explore import Explorer             in a notebook
    with Explorer("watchdog", parameters={"ClockKhz": 1000}) as block:
        block["period_us_i"] = 5
        block.step(3)
        block["tripped_o"]

PyVerilator's model lives in a process of its own: there a failed assertion ends the process, here it is ExplorerError.
"""

from sim.explore.explorer import Explorer, ExplorerError

__all__ = ["Explorer", "ExplorerError"]
