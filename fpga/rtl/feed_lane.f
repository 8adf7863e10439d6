-f mold_rx.f
-f itch_decode.f
feed_lane.sv
