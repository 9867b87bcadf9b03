#include "lab/commands.hpp"
namespace tiercel::lab {
void add_recommend(CLI::App&) {}
} // namespace tiercel::lab
