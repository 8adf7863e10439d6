msg_fifo.sv
