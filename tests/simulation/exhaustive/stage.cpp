#include "stage.hpp"

#include <boost/asio/post.hpp>

namespace tiercel::simulation {

using namespace std::chrono_literals;

Settings Stage::settings() {
    Settings settings;
    settings.processes = 2;
    settings.keys = 1;
    settings.call_timeout = 1s;
    settings.source_timeout = 500ms;
    settings.close_timeout = 500ms;
    settings.tier_timeout = 50ms;
    settings.negative_ttl = 1s;
    settings.has_listener = false;
    settings.pace = {.longest_trip = 0ms, .load = 0ms, .write = 0ms};
    return settings;
}

Stage::Stage(const Settings& settings, testing::VirtualRuntime::Chooser chooser)
    : settings_(settings),
      runtime_(std::make_shared<testing::VirtualRuntime>(
          [this, chooser = std::move(chooser)](std::size_t count) { return exploring_ ? chooser(count) : 0; })),
      recorder_(runtime_, 0),
      source_(runtime_, recorder_, settings_, 0),
      surroundings_{runtime_, recorder_, settings_, source_},
      actors_(surroundings_, 0) {
    recorder_.history().every_tier_reads_ttl = settings_.reads_ttl;
    recorder_.history().shares_a_tier = settings_.shared_tier;
    recorder_.history().fences_fleet = settings_.shared_tier && settings_.lease_ttl > 0ns;
    actors_.settle_down();
    source_.make_all_exist();
    std::vector<Server*> servers;
    if (settings_.shared_tier) {
        server_ = std::make_unique<Server>(runtime_, recorder_, settings_, 0);
        servers.push_back(server_.get());
    }
    for (std::uint32_t p = 0; p < settings_.processes; ++p) {
        processes_.push_back(std::make_unique<Process>(surroundings_, p, servers, p));
        processes_.back()->begin();
    }
}

Stage::~Stage() {
    processes_.clear();
    runtime_->drop_everything();
}

void Stage::prepare(const std::function<void()>& action) {
    action();
    runtime_->run_until_idle();
    runtime_->advance(2ms); // one millisecond is as near as stamps of two processes may come
}

void Stage::at_once(std::vector<std::function<void()>> actions, nanoseconds until) {
    exploring_ = true;
    for (auto& action : actions)
        boost::asio::post(runtime_->executor(), std::move(action));
    runtime_->run_until_idle();
    if (until > 0ns) runtime_->advance(until);
    exploring_ = false;
    runtime_->advance(2ms);
}

std::string Stage::verdict() {
    // Beyond every deadline: whoever waits has been answered, or never will be.
    runtime_->advance(5s);
    for (const auto& process : processes_)
        process->end();
    runtime_->run_until_idle();
    runtime_->advance(5s);
    const auto violations = judge(recorder_.history());
    if (violations.empty()) return {};
    return to_text(recorder_.history(), violations) + recorder_.history().to_text();
}

} // namespace tiercel::simulation
