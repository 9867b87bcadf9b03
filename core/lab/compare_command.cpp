#include "lab/commands.hpp"
namespace tiercel::lab {
void add_compare(CLI::App&) {}
} // namespace tiercel::lab
