// How do I cache a large thing that takes long to compute, such as the parameters of a trained model?
//   ./large_artefact [--redis redis://host:port]

#include "expect.hpp"
#include "servers.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/redis.hpp>
#include <tiercel/zstd.hpp>

#include <array>
#include <atomic>
#include <cmath>
#include <iostream>
#include <random>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr std::size_t features = std::size_t{1} << 20; // 4 MiB of parameters
std::atomic<int> trainings = 0;

using Parameters = std::vector<float>;
using Sample = std::array<std::size_t, 8>; // the features that are present: words of a text, say

/// Whether a text is of interest: words of the first half of the dictionary speak for it.
bool label(const Sample& words) {
    std::size_t votes = 0;
    for (const auto word : words)
        votes += word < 10'000 ? 1 : 0;
    return votes > words.size() / 2;
}

Sample draw(std::mt19937& random) {
    Sample words;
    for (auto& word : words)
        word = random() % 20'000;
    return words;
}

float predict(const Parameters& weights, const Sample& words) {
    float sum = 0;
    for (const auto word : words)
        sum += weights[word];
    return 1 / (1 + std::exp(-sum));
}

/// Logistic regression by stochastic gradient descent, on 200,000 generated texts.
Parameters train(const std::string& model) {
    ++trainings;
    std::cout << "training " << model << "...\n";
    std::mt19937 random(1);
    Parameters weights(features);
    for (int i = 0; i < 200'000; ++i) {
        const auto words = draw(random);
        const float error = (label(words) ? 1.0f : 0.0f) - predict(weights, words);
        for (const auto word : words)
            weights[word] += 0.1f * error;
    }
    return weights;
}

} // namespace

int main(int argc, char** argv) {
    const example::Redis server(argc, argv);
    const auto start_service = [&] {
        // [snippet large_artefact]
        auto models = tiercel::Cache<std::string, Parameters>::create({
            .name = "models",
            .memory = {.max_entries = 0, // bounded by bytes instead
                       .max_weight = 256 << 20,
                       .weigher = [](const std::string&, const Parameters& p) { return p.size() * sizeof(float); }},
            .tiers = {{.backend = tiercel::redis::connect(server.url()),
                       .compressor = tiercel::zstd::compressor({.level = 3}),
                       .timeout = 2s}}, // megabytes take longer than the usual 50 ms
            .expiry = {.ttl = 24h},
            .timeouts = {.call = 5min, .source = 5min}, // and training longer than the usual 30 s
            .loader = train,
            .max_value_bytes = 64 << 20,
        });
        // [/snippet]
        return std::move(models).value();
    };

    auto trainer = start_service();
    trainer.clear(); // for a Redis that an earlier run has filled
    const auto model = trainer.get_or_load("interest/v1").value();

    std::mt19937 random(2);
    int right = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto words = draw(random);
        right += (predict(*model, words) > 0.5f) == label(words) ? 1 : 0;
    }
    std::cout << "right about " << right / 100.0 << " % of texts it has not seen\n";
    example::expect(right > 8'500, "the model has learned");

    trainer.close(); // callers are answered before the tiers are filled; close() waits for that
    const auto redis = trainer.stats().tiers.at(0);
    std::cout << redis.raw_bytes_out << " bytes of parameters, " << redis.bytes_out << " in Redis\n";
    example::expect(redis.bytes_out * 10 < redis.raw_bytes_out, "a sparse model compresses more than tenfold");

    auto server_of_predictions = start_service();
    const auto fetched = server_of_predictions.get_or_load("interest/v1").value();
    example::expect(fetched.source().kind == tiercel::Source::Kind::tier && trainings == 1,
                    "another process has it from Redis, untrained");
    example::expect(*fetched == *model, "bit for bit");
}
