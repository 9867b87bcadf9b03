// tiercel-lab: which eviction policy, and how much memory, by looking at one's own traffic.

#include "lab/commands.hpp"
#include "lab/failure.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <new>

namespace {

constexpr int exit_error = 1;
constexpr int exit_usage = 2;

int complain(const char* what, int code) {
    std::fprintf(stderr, "tiercel-lab: %s\n", what);
    return code;
}

} // namespace

int main(int count, char** words) {
    CLI::App lab("Simulates tiercel's own memory tier over traces of requests.", "tiercel-lab");
    lab.require_subcommand(1);
    lab.fallthrough(false);
    tiercel::lab::add_simulate(lab);
    tiercel::lab::add_curve(lab);
    tiercel::lab::add_compare(lab);
    tiercel::lab::add_generate(lab);
    tiercel::lab::add_recommend(lab);
    try {
        lab.parse(count, words);
        return 0;
    } catch (const CLI::ParseError& error) {
        return lab.exit(error) == 0 ? 0 : exit_usage; // prints help where that was asked for
    } catch (const tiercel::lab::UsageError& error) {
        return complain(error.what(), exit_usage);
    } catch (const tiercel::lab::Failure& error) {
        return complain(error.what(), exit_error);
    } catch (const std::bad_alloc&) {
        return complain("out of memory; try --sample 0.1, fewer --threads, or a part of the trace", exit_error);
    } catch (const std::exception& error) {
        return complain(error.what(), exit_error);
    }
}
