#include <tiercel/cache.hpp>

struct Point {
    int x, y;
    bool operator==(const Point&) const = default;
};

void misuse(const tiercel::Cache<Point, int>& cache) {
    (void)cache.get({1, 2});
}
