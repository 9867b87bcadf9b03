#include "lab/chart_output.hpp"

#include <CLI/CLI.hpp>

namespace tiercel::lab {

void add_chart_output(CLI::App& command, ChartOutput& output) {
    command.add_option("--out", output.file, "the SVG file to write; -: standard output, as by default in a pipe");
    command.add_flag("--text", output.text, "draw it as text even where standard output is no terminal");
}

} // namespace tiercel::lab
