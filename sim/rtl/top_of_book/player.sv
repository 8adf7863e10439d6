// Plays a file of commands to top_of_book and writes down what it answers, so that a bench can judge long streams without
// waking up for every cycle. A command: cycles since the one before, its letter, its numbers. What it writes: a letter,
// the cycle, numbers.
`default_nettype none
/* verilator lint_off BLKSEQ */
/* verilator lint_off WIDTHTRUNC */

module player
  import meltica_card_pkg::*;
#(
    parameter int unsigned Instruments = 65536,
    parameter int unsigned Slots = 256,
    parameter int unsigned Orders = 65536,
    parameter int unsigned OrderSets = Orders < 32 ? 4 : Orders / 8,
    parameter int unsigned OrderWays = 8,
    parameter int unsigned WindowLevels = 4096,
    parameter int unsigned QueueDepth = 1024,
    parameter longint unsigned StaleAfterNs = 1_000_000_000
) (
    input  wire logic clk_i,
    input  wire logic rst_ni,
    output logic      done_o
);

  localparam time_ns_t Midnight = 64'd1_700_000_000_000_000_000;

  logic init_done, cfg_valid, msg_valid, gap, update_valid, market_valid, market_ready;
  logic query_valid, query_done, busy;
  staged_row_t cfg_row;
  market_message_t msg;
  book_update_t update;
  market_update_t market;
  symbol_status_t status;
  book_events_t events;
  logic [16:0] live;
  logic [15:0] query_locate;
  longint cycle;

  top_of_book #(
      .Instruments(Instruments),
      .Slots(Slots),
      .Orders(Orders),
      .OrderSets(OrderSets),
      .OrderWays(OrderWays),
      .WindowLevels(WindowLevels),
      .QueueDepth(QueueDepth),
      .StaleAfterNs(StaleAfterNs)
  ) i_book (
      .clk_i,
      .rst_ni,
      .now_ns_i(Midnight + 64'(cycle) * 64'd6),
      .init_done_o(init_done),
      .cfg_valid_i(cfg_valid),
      .cfg_row_i(cfg_row),
      .msg_valid_i(msg_valid),
      .msg_i(msg),
      .gap_i(gap),
      .update_valid_o(update_valid),
      .update_o(update),
      .market_valid_o(market_valid),
      .market_ready_i(market_ready),
      .market_o(market),
      .query_valid_i(query_valid),
      .query_locate_i(query_locate),
      .query_done_o(query_done),
      .query_status_o(status),
      .events_o(events),
      .live_orders_o(live),
      .busy_o(busy)
  );

  int script, answers, got, wait_cycles, ready_percent;
  byte letter;
  logic have, early, opened;
  longint a, b, c, d, e, f, g, h, i, j, k;

  // Letters: M message, W Watch, C ClearGap, G gap level, Q question, R how often the gate is ready, N nothing,
  // B wait until rows are done, E end. Before the tables are clear only a command of cycle 0 is played.
  task automatic fetch();
    got = $fscanf(script, "%d %c", wait_cycles, letter);
    have = got == 2;
    if (have && letter == "M")
      got = $fscanf(script, "%d %d %d %d %d %d %d %d %d %d %d", a, b, c, d, e, f, g, h, i, j, k);
    else if (have && letter == "W") got = $fscanf(script, "%d %d %d", a, b, c);
    else if (have && letter == "C") got = $fscanf(script, "%d %d", a, b);
    else if (have && (letter == "G" || letter == "Q" || letter == "R")) got = $fscanf(script, "%d",
        a);
  endtask

  always @(posedge clk_i) begin
    cycle <= cycle + 1;
    if (!rst_ni) begin
      cycle <= 0;
      cfg_valid <= 1'b0;
      msg_valid <= 1'b0;
      query_valid <= 1'b0;
      gap <= 1'b0;
      market_ready <= 1'b1;
      cfg_row <= '0;
      msg <= '0;
      query_locate <= '0;
      early = 1'b0;
      have = 1'b0;
      ready_percent = 100;
      done_o <= 1'b0;
      opened = 1'b0;
    end else begin
      if (!opened) begin
        script = $fopen("script.txt", "r");
        answers = $fopen("answers.txt", "w");
        opened = 1'b1;
      end
      if (msg_valid) $fwrite(answers, "m %0d\n", cycle);
      if (update_valid)
        $fwrite(answers, "u %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d\n", cycle, update.slot,
                update.instrument, update.bid_ticks, update.bid_shares, update.ask_ticks,
                update.ask_shares, update.locked, update.crossed, update.usable, update.changed,
                update.timestamp_ns);
      if (market_valid && market_ready)
        $fwrite(answers, "k %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d\n", cycle, market.kind,
                market.instrument, market.bid_ticks, market.bid_lots, market.ask_ticks,
                market.ask_lots, market.mark, market.on, market.time_ns - Midnight);
      if (events != '0) $fwrite(answers, "e %0d %0d\n", cycle, events);
      if (query_done)
        $fwrite(answers,
                // verilog_lint: waive line-length
                "q %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d %0d\n",
                cycle, status.instrument, status.watched, status.slot, status.usable,
                status.gapped, status.stale, status.halted, status.short_restricted,
                status.crossed, status.locked, status.trading_state, status.short_sale_state,
                status.market_event, status.trade_price, status.trade_timestamp_ns,
                status.bid_ticks, status.bid_shares, status.ask_ticks, status.ask_shares, live);

      cfg_valid <= 1'b0;
      msg_valid <= 1'b0;
      query_valid <= 1'b0;
      market_ready <= ready_percent == 100 || $urandom_range(99) < ready_percent;
      if (!have && !done_o) begin
        fetch();
        early = have && wait_cycles == 0;
      end
      if (have && !done_o && (init_done || early)) begin
        if (wait_cycles > 1) wait_cycles = wait_cycles - 1;
        else if (letter == "B" && (busy || cfg_valid)) wait_cycles = 1;
        else begin
          unique case (letter)
            "M": begin
              msg <= '0;
              msg_valid <= 1'b1;
              msg.kind <= 8'(a);
              msg.locate <= 16'(b);
              msg.timestamp_ns <= 48'(c);
              msg.order_ref <= d;
              msg.new_order_ref <= e;
              msg.is_sell <= f[0];
              msg.shares <= 32'(g);
              msg.price <= 32'(h);
              msg.printable <= i[0];
              msg.state <= 8'(j);
              msg.market <= 8'(k);
            end
            "W": begin
              cfg_valid <= 1'b1;
              cfg_row <= '0;
              cfg_row[15:0] <= 16'd36;
              cfg_row[31:16] <= 16'(a);
              cfg_row[63:32] <= 32'(b);
              cfg_row[71:64] <= 8'(c);
            end
            "C": begin
              cfg_valid <= 1'b1;
              cfg_row <= '0;
              cfg_row[15:0] <= 16'd41;
              cfg_row[23:16] <= 8'(b);
              cfg_row[63:32] <= 32'(a);
            end
            "G": gap <= a[0];
            "Q": begin
              query_valid <= 1'b1;
              query_locate <= 16'(a);
            end
            "R": ready_percent = int'(a);
            "N", "B": ;
            default: begin
              done_o <= 1'b1;
              have = 1'b0;
              $fclose(script);
              $fclose(answers);
            end
          endcase
          if (have) fetch();
          early = have && wait_cycles == 0;
        end
      end
    end
  end

endmodule

`default_nettype wire
