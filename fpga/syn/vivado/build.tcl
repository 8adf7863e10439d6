# Out-of-context synthesis and implementation of meltica_top for an Alveo U50, at the card's 156.25 MHz.
#
#   make -C fpga vivado          or   vivado -mode batch -notrace -source fpga/syn/vivado/build.tcl [-tclargs PART]
#
# NOT RUN by the project's own tests: they have no Vivado. Written for 2022.2 and later.
# Leaves reports and checkpoints in build/vivado; ends with an error when timing is not met.

set here [file dirname [file normalize [info script]]]
set fpga [file normalize $here/../..]
set out  [file normalize $fpga/../build/vivado]
set part [expr {$argc > 0 ? [lindex $argv 0] : "xcu50-fsvh2104-2-e"}]
set top  meltica_top
file mkdir $out

# The files of the block, as every other tool reads them: one path a line, `-f` takes in another list.
proc read_list {fpga name} {
  set found {}
  set channel [open $fpga/rtl/$name]
  while {[gets $channel line] >= 0} {
    set line [string trim [regsub {(#|//).*$} $line ""]]
    if {$line eq ""} continue
    if {[regexp {^-f\s+(\S+)$} $line -> other]} {
      lappend found {*}[read_list $fpga $other]
    } else {
      lappend found $fpga/rtl/$line
    }
  }
  close $channel
  return $found
}
set files {}
foreach path [read_list $fpga $top.f] {
  if {$path ni $files} { lappend files $path }
}

create_project -in_memory -part $part
read_verilog -sv $files
read_xdc -mode out_of_context $here/clocks.xdc
set_property verilog_define SYNTHESIS [current_fileset]

synth_design -top $top -part $part -mode out_of_context -flatten_hierarchy rebuilt
write_checkpoint -force $out/synth.dcp
report_utilization -hierarchical -file $out/synth_utilization.rpt

opt_design
place_design -directive ExtraTimingOpt
phys_opt_design
route_design
phys_opt_design
write_checkpoint -force $out/routed.dcp

report_timing_summary -max_paths 20 -file $out/timing.rpt
report_utilization -hierarchical -file $out/utilization.rpt
report_methodology -file $out/methodology.rpt
report_clock_interaction -file $out/clocks.rpt
report_power -file $out/power.rpt

set slack [get_property SLACK [get_timing_paths -max_paths 1 -setup]]
set hold  [get_property SLACK [get_timing_paths -max_paths 1 -hold]]
puts "meltica_top on $part: setup slack $slack ns, hold slack $hold ns"
if {$slack < 0 || $hold < 0} {
  error "timing is not met; see $out/timing.rpt"
}
