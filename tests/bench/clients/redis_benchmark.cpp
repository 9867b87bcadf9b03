#include "redis_benchmark.hpp"

#include "cpu_time.hpp"
#include "support/child_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

extern char** environ;

namespace tiercel::bench::clients::redis_benchmark {
namespace {

struct Ended {
    std::string output;
    std::chrono::nanoseconds cpu;
};

/// Runs a program to its end.
Ended run_program(const std::vector<std::string>& command) {
    std::vector<char*> words;
    for (const auto& word : command)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    pid_t pid = 0;
    const int failed = ::posix_spawn(&pid, words.front(), &actions, nullptr, words.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    Ended ended{};
    char buffer[4096];
    for (ssize_t count = 0; failed == 0 && (count = ::read(ends[0], buffer, sizeof buffer)) != 0;)
        if (count > 0) ended.output.append(buffer, static_cast<std::size_t>(count));
    ::close(ends[0]);
    if (failed != 0) throw std::system_error(failed, std::generic_category(), command.front());
    int status = 0;
    rusage used{};
    while (::wait4(pid, &status, 0, &used) < 0 && errno == EINTR) {
    }
    if (status != 0) throw std::runtime_error(command.front() + " failed: " + ended.output);
    ended.cpu = std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    return ended;
}

std::vector<std::string> command_of(const Target& target, const Load& load, std::uint64_t requests) {
    std::vector<std::string> words = {tiercel::test::find_program("redis-benchmark", "redis-tools"),
                                      "-c",
                                      "1",
                                      "-P",
                                      std::to_string(depth),
                                      "-t",
                                      load.operation == Operation::get ? "get" : "set",
                                      "-d",
                                      std::to_string(load.value_bytes),
                                      "-r",
                                      std::to_string(key_count),
                                      "-n",
                                      std::to_string(requests),
                                      "--csv"};
    if (target.server.unix_socket.empty()) {
        words.insert(words.end(), {"-h", "127.0.0.1", "-p", std::to_string(target.server.port)});
    } else {
        words.insert(words.end(), {"-s", target.server.unix_socket});
    }
    if (target.authority) words.insert(words.end(), {"--tls", "--cacert", target.authority->string()});
    return words;
}

} // namespace

double rate_in(std::string_view csv) {
    // "test","rps",... and then "GET","864864.88",...
    const auto line = csv.find("\n\"");
    const auto begin = line == csv.npos ? csv.npos : csv.find("\",\"", line);
    const auto rate = begin == csv.npos ? 0 : std::strtod(std::string(csv.substr(begin + 3, 24)).c_str(), nullptr);
    if (!(rate > 0)) throw std::runtime_error("redis-benchmark says no rate: " + std::string(csv));
    return rate;
}

Sample run(const Target& target, const Load& load, const Times& times, pid_t server) {
    constexpr std::uint64_t first_try = 40 * depth;
    const auto seconds = std::chrono::duration<double>(times.measured).count();
    const auto estimate = rate_in(run_program(command_of(target, load, first_try)).output);
    const auto requests = (static_cast<std::uint64_t>(estimate * seconds) / depth + 1) * depth;
    const auto before = cpu_time_of(server);
    const auto ended = run_program(command_of(target, load, requests));
    const auto server_cpu = cpu_time_of(server) - before;
    const auto count = static_cast<double>(requests);
    return {.per_second = rate_in(ended.output),
            .client_ns = static_cast<double>(ended.cpu.count()) / count,
            .server_ns = static_cast<double>(server_cpu.count()) / count};
}

} // namespace tiercel::bench::clients::redis_benchmark
