#include "chunked_backend.hpp"

#include "wire/xx_hash.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

namespace tiercel::chain {

namespace asio = boost::asio;
using spi::CallContext;
using spi::Conditional;
using std::chrono::milliseconds;

namespace {

/// Chunks are asked for before they are needed, and stored before their manifest: they live this much longer than it.
constexpr milliseconds chunk_grace{2000};

/// The most chunks asked for at once. Batches seldom have more; hostile manifests may announce it.
constexpr std::size_t chunks_at_once = std::size_t{4} * wire::most_chunks;

std::size_t largest_value(std::size_t chunk_bytes, std::size_t max_value_bytes) {
    const bool overflows = chunk_bytes > std::numeric_limits<std::size_t>::max() / wire::most_chunks;
    return std::max(chunk_bytes,
                    overflows ? max_value_bytes : std::min(max_value_bytes, chunk_bytes * wire::most_chunks));
}

ChunkedBackend::Options in_range(ChunkedBackend::Options options) {
    options.chunk_bytes = std::min<std::size_t>(options.chunk_bytes, std::numeric_limits<std::uint32_t>::max());
    return options;
}

} // namespace

ChunkedBackend::ChunkedBackend(std::shared_ptr<spi::Backend> inner, std::shared_ptr<spi::Runtime> runtime,
                               Options options)
    : inner_(std::move(inner)),
      runtime_(std::move(runtime)),
      options_(in_range(std::move(options))),
      inner_can_(inner_->capabilities()),
      alphabet_{inner_can_.max_key_bytes, inner_can_.binary_keys},
      max_value_bytes_(largest_value(options_.chunk_bytes, options_.max_value_bytes)) {}

spi::Capabilities ChunkedBackend::capabilities() const noexcept {
    auto can = inner_can_;
    can.max_value_bytes = max_value_bytes_;
    return can;
}

ChunkedBackend::Counts ChunkedBackend::counts() const {
    return {puts_.get(), reads_.get(), incomplete_.get(), bad_chunks_.get(), bad_manifest_.get()};
}

// Cutting --------------------------------------------------------------------------------------------------------

std::optional<Error> ChunkedBackend::refusal(BytesView value) const {
    if (value.size() <= max_value_bytes_) return std::nullopt;
    return Error(Errc::value_too_large, "a value of " + std::to_string(value.size()) + " bytes is over the " +
                                            std::to_string(max_value_bytes_) + " that may be stored in chunks");
}

ChunkedBackend::Split ChunkedBackend::cut(BytesView value, std::size_t at) {
    const wire::WriteId id{runtime_->random(), runtime_->random()};
    return {at, wire::describe_chunks(value, static_cast<std::uint32_t>(options_.chunk_bytes), id)};
}

milliseconds ChunkedBackend::life(std::optional<milliseconds> ttl) const {
    return ttl ? std::min(*ttl, options_.max_life) : options_.max_life;
}

ChunkedBackend::ChunkKeys ChunkedBackend::keys_of(std::span<const Split> splits) const {
    ChunkKeys chunks;
    for (const auto& split : splits) {
        for (std::size_t i = 0; i < split.manifest.chunk_count(); ++i)
            chunks.keys.push_back(
                wire::backend_key(options_.key_prefix, wire::chunk_key(split.manifest.id, i), alphabet_));
    }
    chunks.views.assign(chunks.keys.begin(), chunks.keys.end());
    return chunks;
}

void ChunkedBackend::add_chunks(const Split& split, const spi::PutItem& item, std::span<const BytesView> keys,
                                std::vector<spi::PutItem>& out) const {
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto part = item.value.substr(split.manifest.offset(i), split.manifest.size(i));
        out.push_back({keys[i], part, life(item.ttl) + chunk_grace});
    }
}

Error ChunkedBackend::wrong_number() const {
    return Error(Errc::protocol_error, "backend '" + std::string(name()) + "' gave the wrong number of results");
}

// Reading --------------------------------------------------------------------------------------------------------

asio::awaitable<std::vector<spi::Lookup>> ChunkedBackend::get_many(std::span<const BytesView> keys, CallContext call) {
    auto found = co_await inner_->get_many(keys, call);
    co_await put_together(found, call);
    co_return found;
}

/// What is a manifest, and could be believed; those that are not to be believed become misses.
std::vector<ChunkedBackend::Split> ChunkedBackend::manifests_in(Lookups& found) {
    std::vector<Split> splits;
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (!found[i] || !*found[i] || !wire::looks_like_manifest((*found[i])->value)) continue;
        if (const auto manifest = wire::read_manifest((*found[i])->value, max_value_bytes_)) {
            splits.push_back({i, *manifest});
        } else {
            bad_manifest_.add();
            found[i] = std::optional<spi::Found>();
        }
    }
    return splits;
}

asio::awaitable<void> ChunkedBackend::put_together(Lookups& found, CallContext call) {
    const auto splits = manifests_in(found);
    for (std::span<const Split> rest(splits); !rest.empty();) {
        std::size_t taken = 0;
        for (std::size_t chunks = 0; taken < rest.size(); ++taken) {
            chunks += rest[taken].manifest.chunk_count();
            if (taken > 0 && chunks > chunks_at_once) break;
        }
        co_await fetch(rest.first(taken), found, call);
        rest = rest.subspan(taken);
    }
}

asio::awaitable<void> ChunkedBackend::fetch(std::span<const Split> splits, Lookups& found, CallContext call) {
    const auto asked = keys_of(splits);
    auto chunks = co_await inner_->get_many(asked.views, call);
    if (chunks.size() != asked.views.size()) chunks.assign(asked.views.size(), wrong_number());
    std::span<spi::Lookup> rest(chunks);
    for (const auto& split : splits) {
        const auto count = split.manifest.chunk_count();
        join(split.manifest, rest.first(count), found[split.at]);
        rest = rest.subspan(count);
    }
}

/// Allocates for the whole only when all of it is there.
void ChunkedBackend::join(const wire::Manifest& manifest, std::span<spi::Lookup> chunks, spi::Lookup& found) {
    const auto unread = std::find_if(chunks.begin(), chunks.end(), [](const auto& chunk) { return !chunk; });
    if (unread != chunks.end()) {
        found = unread->error();
        return;
    }
    const auto miss = [&found](Counter& why) {
        why.add();
        found = std::optional<spi::Found>();
    };
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        if (!*chunks[i]) return miss(incomplete_);
        if ((*chunks[i])->value.size() != manifest.size(i)) return miss(bad_chunks_);
    }
    Bytes whole;
    if (chunks.size() == 1) {
        whole = std::move((*chunks.front())->value);
    } else {
        whole.reserve(static_cast<std::size_t>(manifest.total_bytes));
        for (auto& chunk : chunks) {
            whole.append((*chunk)->value);
            chunk = std::optional<spi::Found>(); // its memory is not needed any more
        }
    }
    if (wire::xxh3_64(whole, 0) != manifest.checksum) return miss(bad_chunks_);
    (*found)->value = std::move(whole);
    reads_.add();
}

// Writing --------------------------------------------------------------------------------------------------------

asio::awaitable<std::vector<Result<void>>> ChunkedBackend::put_many(std::span<const spi::PutItem> items,
                                                                    CallContext call) {
    if (std::none_of(items.begin(), items.end(), [this](const auto& item) { return must_be_split(item.value); })) {
        co_return co_await inner_->put_many(items, call);
    }
    std::vector<Result<void>> results(items.size());
    std::vector<Split> splits;
    std::vector<spi::PutItem> first; // what goes through as it is, and all chunks
    std::vector<std::size_t> owners; // first[n] belongs to items[owners[n]]
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (!must_be_split(items[i].value)) {
            first.push_back(items[i]);
            owners.push_back(i);
        } else if (auto refused = refusal(items[i].value)) {
            results[i] = *std::move(refused);
        } else {
            splits.push_back(cut(items[i].value, i));
        }
    }
    const auto chunks = keys_of(splits);
    std::span<const BytesView> rest(chunks.views);
    for (const auto& split : splits) {
        const auto count = split.manifest.chunk_count();
        add_chunks(split, items[split.at], rest.first(count), first);
        owners.insert(owners.end(), count, split.at);
        rest = rest.subspan(count);
    }
    if (!first.empty()) {
        auto stored = co_await inner_->put_many(first, call);
        if (stored.size() != first.size()) stored.assign(first.size(), wrong_number());
        for (std::size_t n = 0; n < first.size(); ++n)
            if (!stored[n] && results[owners[n]]) results[owners[n]] = std::move(stored[n]).error();
    }

    const auto failed = std::stable_partition(splits.begin(), splits.end(),
                                              [&](const Split& split) { return results[split.at].has_value(); });
    const std::span<const Split> complete(splits.begin(), failed);
    if (!complete.empty()) {
        std::vector<Bytes> records;
        std::vector<spi::PutItem> manifests;
        records.reserve(complete.size());
        for (const auto& split : complete) {
            records.push_back(wire::write_manifest(split.manifest));
            manifests.push_back({items[split.at].key, records.back(), life(items[split.at].ttl)});
        }
        auto stored = co_await inner_->put_many(manifests, call);
        if (stored.size() != manifests.size()) stored.assign(manifests.size(), wrong_number());
        for (std::size_t n = 0; n < manifests.size(); ++n) {
            if (stored[n]) puts_.add();
            results[complete[n].at] = std::move(stored[n]);
        }
    }
    co_await drop_chunks(std::span<const Split>(failed, splits.end()), call);
    co_return results;
}

/// Of values whose manifest will never be there: nobody can be reading them. What cannot be erased ends by its TTL.
asio::awaitable<void> ChunkedBackend::drop_chunks(std::span<const Split> splits, CallContext call) {
    if (splits.empty()) co_return;
    const auto chunks = keys_of(splits);
    (void)co_await inner_->erase_many(chunks.views, call);
}

asio::awaitable<Result<Conditional>> ChunkedBackend::put_if_absent(spi::PutItem item, CallContext call) {
    return put_if(item, std::nullopt, call);
}

asio::awaitable<Result<Conditional>> ChunkedBackend::put_if_version(spi::PutItem item, spi::Version expected,
                                                                    CallContext call) {
    return put_if(item, expected, call);
}

asio::awaitable<Result<Conditional>> ChunkedBackend::put_if(spi::PutItem item, std::optional<spi::Version> expected,
                                                            CallContext call) {
    if (!inner_can_.conditional_writes || !must_be_split(item.value)) {
        co_return co_await put_whole_if(item, expected, call);
    }
    if (auto refused = refusal(item.value)) co_return *std::move(refused);
    const std::array split{cut(item.value, 0)};
    const auto chunks = keys_of(split);
    std::vector<spi::PutItem> parts;
    add_chunks(split.front(), item, chunks.views, parts);
    auto stored = co_await inner_->put_many(parts, call);
    if (stored.size() != parts.size()) stored.assign(parts.size(), wrong_number());
    const auto failed = std::find_if(stored.begin(), stored.end(), [](const auto& one) { return !one; });
    if (failed != stored.end()) {
        co_await drop_chunks(split, call);
        co_return std::move(*failed).error();
    }
    const auto record = wire::write_manifest(split.front().manifest);
    const spi::PutItem manifest{item.key, record, life(item.ttl)};
    auto put = co_await put_whole_if(manifest, expected, call);
    if (put && *put == Conditional::stored) puts_.add();
    if (put && *put != Conditional::stored) co_await drop_chunks(split, call);
    co_return put;
}

/// With `expected`: put_if_version. Without: put_if_absent, where a manifest that reads as nothing counts as absent.
asio::awaitable<Result<Conditional>>
ChunkedBackend::put_whole_if(spi::PutItem item, std::optional<spi::Version> expected, CallContext call) {
    if (expected) co_return co_await inner_->put_if_version(item, *expected, call);
    auto put = co_await inner_->put_if_absent(item, call);
    if (!put || *put != Conditional::conflict) co_return put;

    const std::array keys{item.key};
    auto found = co_await inner_->get_many(keys, call);
    const bool manifest =
        found.size() == 1 && found.front() && *found.front() && wire::looks_like_manifest((*found.front())->value);
    if (!manifest) co_return put;
    const auto version = (*found.front())->version;
    co_await put_together(found, call);
    if (!found.front() || *found.front()) co_return put;
    auto replaced = co_await inner_->put_if_version(item, version, call);
    if (replaced && *replaced == Conditional::absent) co_return put; // it went this moment
    co_return replaced;
}

// The rest -------------------------------------------------------------------------------------------------------

asio::awaitable<std::vector<Result<bool>>> ChunkedBackend::erase_many(std::span<const BytesView> keys,
                                                                      CallContext call) {
    return inner_->erase_many(keys, call);
}

asio::awaitable<std::vector<Result<bool>>> ChunkedBackend::touch_many(std::span<const BytesView> keys, milliseconds ttl,
                                                                      CallContext call) {
    auto found = co_await inner_->get_many(keys, call);
    if (found.size() != keys.size()) found.assign(keys.size(), wrong_number());
    const auto splits = manifests_in(found);
    std::vector<Result<bool>> results(keys.size(), false);
    Touch whole{ttl, {}, {}};
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (!found[i])
            results[i] = std::move(found[i]).error();
        else if (*found[i] && !wire::looks_like_manifest((*found[i])->value))
            whole.add(i, keys[i]);
    }
    Touch manifests{life(ttl), {}, {}};
    if (!splits.empty()) {
        const auto chunks = keys_of(splits);
        auto touched = co_await inner_->touch_many(chunks.views, life(ttl) + chunk_grace, call);
        if (touched.size() != chunks.views.size()) touched.assign(chunks.views.size(), wrong_number());
        std::span<Result<bool>> rest(touched);
        for (const auto& split : splits) {
            const auto part = rest.first(split.manifest.chunk_count());
            rest = rest.subspan(part.size());
            const auto failed = std::find_if(part.begin(), part.end(), [](const auto& one) { return !one; });
            if (failed != part.end())
                results[split.at] = std::move(*failed).error();
            else if (std::all_of(part.begin(), part.end(), [](const auto& one) { return *one; }))
                manifests.add(split.at, keys[split.at]);
            else
                incomplete_.add();
        }
    }
    co_await touch(whole, results, call);
    co_await touch(manifests, results, call);
    co_return results;
}

asio::awaitable<void> ChunkedBackend::touch(const Touch& some, std::vector<Result<bool>>& results, CallContext call) {
    if (some.keys.empty()) co_return;
    auto touched = co_await inner_->touch_many(some.keys, some.ttl, call);
    if (touched.size() != some.keys.size()) touched.assign(some.keys.size(), wrong_number());
    for (std::size_t n = 0; n < some.at.size(); ++n)
        results[some.at[n]] = std::move(touched[n]);
}

asio::awaitable<Result<void>> ChunkedBackend::ping(CallContext call) {
    return inner_->ping(call);
}

asio::awaitable<Result<spi::ScanPage>> ChunkedBackend::scan(BytesView prefix, std::string cursor, CallContext call) {
    auto page = co_await inner_->scan(prefix, std::move(cursor), call);
    if (!page) co_return page;
    std::erase_if(page->keys, [this](const Bytes& stored) {
        Bytes key;
        return wire::parse_backend_key(stored, options_.key_prefix, alphabet_, key) && wire::is_chunk_key(key);
    });
    co_return page;
}

} // namespace tiercel::chain
