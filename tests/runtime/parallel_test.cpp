#include "heed/runtime/parallel.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "must_throw.h"

using heed::ThreadPool;

TEST_CASE("parallel: every item once, by threads of the pool") {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    for (std::int64_t work : {0, 1, 2, 7, 64, 1000, 12345})
      for (std::int64_t grain : {1, 3, 1000}) {
        std::vector<std::atomic<int>> hits(static_cast<std::size_t>(work));
        std::atomic<int> strange = 0;
        auto body = [&](std::int64_t begin, std::int64_t end, int thread) {
          strange += thread < 0 || thread >= threads || begin >= end;
          strange += end - begin < grain && end != work;
          for (std::int64_t i = begin; i < end; ++i) ++hits[static_cast<std::size_t>(i)];
          return 0;
        };
        CHECK(pool.run(work, grain, body) == 0);
        CHECK(strange == 0);
        CHECK(std::ranges::all_of(hits, [](const auto& n) { return n == 1; }));
      }
  }
}

TEST_CASE("parallel: a thread's ranges follow one another and become shorter") {
  constexpr std::int64_t work = 8000, first = work / 8, last = first / 4;
  for (std::int64_t grain : {1, 30}) {
    ThreadPool pool(2);
    const std::int64_t part = (work + grain - 1) / grain / 2 * grain;
    std::vector<std::pair<std::int64_t, std::int64_t>> ranges[2];
    // Both wait for each other's first range, and the slower one's others are not taken from it.
    std::atomic<int> begun = 0, done = 0;
    auto body = [&](std::int64_t begin, std::int64_t end, int thread) {
      auto& own = ranges[thread];
      if (own.empty())
        for (++begun; begun < 2;) std::this_thread::yield();
      own.emplace_back(begin, end);
      if (end == part || end == work)
        for (++done; done < 2;) std::this_thread::yield();
      return 0;
    };
    CHECK(pool.run(work, grain, body) == 0);
    for (const auto& own : ranges) {
      CAPTURE(grain);
      CHECK(own.front().second - own.front().first <= first);
      for (std::size_t n = 1; n < own.size(); ++n) {
        CHECK(own[n].first == own[n - 1].second);
        CHECK(own[n].second - own[n].first <= own[n - 1].second - own[n - 1].first);
        CHECK(own[n].first % grain == 0);
      }
      CHECK(own.back().second - own.back().first <= std::max(last, grain));
    }
  }
}

TEST_CASE("parallel: who is done takes what a slow thread has not come to") {
  for (int threads : {2, 3, 8}) {
    ThreadPool pool(threads);
    constexpr std::int64_t work = 1000;
    std::atomic<std::int64_t> items = 0;
    // Whoever is first gets no further before all but its range is done.
    std::atomic<bool> held = false;
    auto body = [&](std::int64_t begin, std::int64_t end, int) {
      if (!held.exchange(true))
        while (items < work - (end - begin)) std::this_thread::yield();
      items += end - begin;
      return 0;
    };
    CHECK(pool.run(work, 1, body) == 0);
    CHECK(items == work);
  }
}

TEST_CASE("parallel: a thread leaves a core, and may come back") {
  cpu_set_t before, after;
  REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
  CHECK(heed::leave_core(sched_getcpu()) == (CPU_COUNT(&before) > 1));
  REQUIRE(sched_getaffinity(0, sizeof after, &after) == 0);
  CHECK(CPU_EQUAL(&before, &after));
  std::thread([&] {  // the only one
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(std::size_t(sched_getcpu()), &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(!heed::leave_core(sched_getcpu()));
    ThreadPool pool(2);
    std::atomic<std::int64_t> items = 0;
    auto body = [&](std::int64_t begin, std::int64_t end, int) {
      items += end - begin;
      return 0;
    };
    CHECK(pool.run(100, 1, body) == 0);
    CHECK(items == 100);
  })
      .join();
}

TEST_CASE("parallel: what a loop writes is seen by the next") {
  ThreadPool pool(4);
  std::vector<std::int64_t> values(256, 0);
  for (int round = 0; round < 3000; ++round) {
    auto body = [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto from = static_cast<std::size_t>((i + round) % 256);
        values[from] += 1;
      }
      return 0;
    };
    pool.run(256, 1, body);
  }
  CHECK(std::ranges::all_of(values, [](std::int64_t v) { return v == 3000; }));
}

TEST_CASE("parallel: helpers wake after they slept") {
  ThreadPool pool(3);
  for (int round = 0; round < 5; ++round) {
    std::atomic<std::int64_t> sum = 0;
    auto body = [&](std::int64_t begin, std::int64_t end, int) {
      sum += end - begin;
      return 0;
    };
    pool.run(100, 1, body);
    CHECK(sum == 100);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST_CASE("parallel: a status stops the loop and comes back") {
  for (int threads : {1, 4}) {
    ThreadPool pool(threads);
    std::atomic<std::int64_t> done = 0;
    auto body = [&](std::int64_t begin, std::int64_t end, int) {
      done += end - begin;
      return begin <= 10 && 10 < end ? 42 : 0;
    };
    CHECK(pool.run(1'000'000, 1, body) == 42);
    auto fine = [&](std::int64_t, std::int64_t, int) { return 0; };
    CHECK(pool.run(100, 1, fine) == 0);
  }
}

TEST_CASE("parallel: pools side by side") {
  std::vector<std::thread> owners;
  std::atomic<std::int64_t> sum = 0;
  for (int i = 0; i < 3; ++i)
    owners.emplace_back([&] {
      ThreadPool pool(2);
      for (int round = 0; round < 200; ++round) {
        auto body = [&](std::int64_t begin, std::int64_t end, int) {
          sum += end - begin;
          return 0;
        };
        pool.run(50, 1, body);
      }
    });
  for (std::thread& owner : owners) owner.join();
  CHECK(sum == 3 * 200 * 50);
}

TEST_CASE("parallel: counts") {
  CHECK(heed::available_cores() >= 1);
  CHECK(ThreadPool(0).threads() == heed::available_cores());
  heed::testing::check_error([] { ThreadPool pool(-1); }, {"-1"});
  heed::testing::check_error([] { ThreadPool pool(5000); }, {"5000", "1024"});
}
