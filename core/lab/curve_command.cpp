#include "lab/commands.hpp"
namespace tiercel::lab {
void add_curve(CLI::App&) {}
} // namespace tiercel::lab
