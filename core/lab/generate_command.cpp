#include "lab/commands.hpp"
namespace tiercel::lab {
void add_generate(CLI::App&) {}
} // namespace tiercel::lab
