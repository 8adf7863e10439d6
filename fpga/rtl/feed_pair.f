-f feed_lane.f
-f feed_merge.f
feed_pair.sv
