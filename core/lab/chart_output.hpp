#pragma once

#include "lab/byte_sink.hpp"
#include "lab/chart.hpp"
#include "lab/lab_options.hpp"

#include <CLI/App.hpp>

#include <string>

namespace tiercel::lab {

/// Where a picture goes: as SVG into a file, as text to a terminal; as SVG to standard output if it would be neither.
struct ChartOutput {
    std::string file;
    bool text = false; ///< as text even where standard output is no terminal
};

/// --out --text
void add_chart_output(CLI::App& command, ChartOutput& output);

template <class Chart>
void put_out(const Chart& chart, const ChartOutput& output) {
    const bool terminal = prints_to_terminal();
    if (!output.file.empty()) write_file(output.file, svg_of(chart));
    if (terminal || output.text) {
        print(text_of(chart, terminal_width(), terminal ? Colour::terminal : Colour::none));
    } else if (output.file.empty()) {
        print(svg_of(chart));
    }
}

} // namespace tiercel::lab
