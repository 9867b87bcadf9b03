#pragma once

#include <CLI/App.hpp>

namespace tiercel::lab {

/// Each adds one sub-command, which runs as a callback of the parse. They throw Failure and UsageError.
void add_simulate(CLI::App& lab);
void add_curve(CLI::App& lab);
void add_compare(CLI::App& lab);
void add_generate(CLI::App& lab);
void add_recommend(CLI::App& lab);

} // namespace tiercel::lab
