/* summary.c - summary.json: data, machine, results and times of a run. It is written last, so its presence
 * says that the run is done. */
#include "train/run.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/timing.h"
#include "data/reading.h"
#include "train/cost.h"

#include <math.h>
#include <sys/resource.h>
#include <time.h>

#define NODES_MOST 64

static struct json *result_json(const struct eval_spec *spec, const struct eval_result *r)
{
    struct json *j = run_figures_json(spec, r);

    if (r->n) {
        json_put_int(j, "examples", r->examples);
        json_put_int(j, "cells", r->cells);
    }
    return j;
}

static struct json *baselines_json(const struct run *r)
{
    struct json *j = json_new_object();

    json_put_text(j, "part", r->tested.n ? "test" : "valid");
    for (int k = 0; k < BASELINES; k++) {
        struct json *own = NULL;

        for (int i = 0; i < r->spec.n; i++)
            if (!isnan(r->baselines.value[k][i])) {
                own = own ? own : json_new_object();
                json_put_real(own, r->spec.metric[i].name, r->baselines.value[k][i]);
            }
        if (own)
            json_put(j, baseline_name((enum baseline_kind)k), own);
    }
    if (r->problem->bias.column) {
        json_put_real(j, "bias_user_shrink", r->problem->bias.user_shrink);
        json_put_real(j, "bias_item_shrink", r->problem->bias.item_shrink);
    }
    return j;
}

static struct json *data_json(const struct run *r)
{
    const struct problem *p = r->problem;
    struct json *j = json_new_object();

    json_put_int(j, "users", p->users);
    json_put_int(j, "items", p->items);
    json_put_int(j, "ratings", p->count);
    json_put_int(j, "train", p->train->entries);
    json_put_int(j, "valid", p->valid.out ? p->valid.out->entries : 0);
    json_put_int(j, "test", p->test.out ? p->test.out->entries : 0);
    json_put_int(j, "duplicates", p->ratings->duplicates);
    json_put_int(j, "filtered", p->ratings->filtered);
    json_put_int(j, "bad_lines", p->ratings->lines_bad);
    json_put(j, "reading", reading_json(p->ratings));
    if (p->ratings->noise_floor > 0.0)
        json_put_real(j, "noise_floor", p->ratings->noise_floor);
    json_put_text(j, "digest", p->ratings->digest);
    return j;
}

static struct json *throughput_json(const struct run *r)
{
    struct json *j = json_new_object();
    double epoch = run_epoch_median(r), all = (double)r->trainer.scheduler.examples;
    double share = r->trainer.scheduler.last == LAST_DROP ? (double)run_examples(r) / all : 1.0;
    struct cost work;

    cost_of_epoch(&work, &r->trainer);
    if (epoch > 0.0) {
        json_put_real(j, "examples_per_s", (double)run_examples(r) / epoch);
        json_put_real(j, "ratings_per_s", share * (double)r->problem->train->entries / epoch);
        json_put_real(j, "gflop_per_s", cost_flop(&work) / epoch / 1e9);
        json_put_real(j, "gbyte_per_s", cost_bytes(&work) / epoch / 1e9);
    }
    return j;
}

static struct json *time_json(const struct run *r)
{
    struct json *j = json_new_object(), *phases = json_new_object();
    int workers = team_workers(r->problem->team);

    json_put_real(j, "read_s", r->problem->ratings->seconds);
    json_put_real(j, "load_s", r->problem->load_s);
    json_put_real(j, "ready_s", r->ready_s);
    json_put_real(j, "train_s", r->state.train_s);
    json_put_real(j, "eval_s", r->state.eval_s);
    json_put_real(j, "test_s", r->tested.seconds);
    json_put_real(j, "epoch_s_median", run_epoch_median(r));
    json_put_real(j, "total_s", clock_now() - r->started);
    for (int i = 0; i < PHASES; i++) {
        double sum = 0.0;

        for (int id = 0; id < workers; id++)
            sum += team_worker(r->problem->team, id)->seconds[i];
        json_put_real(phases, phase_name((enum phase)i), sum / workers);
    }
    json_put(j, "phases", phases); /* mean over the workers of this process, evaluation included */
    return j;
}

static struct json *build_json(const struct run *r)
{
    struct json *j = json_new_object();
    char library[64];

    json_put_text(j, "version", PARTRAIN_VERSION);
    json_put_text(j, "compiler",
#if defined(__clang__)
                  "clang " __clang_version__
#else
                  "gcc " __VERSION__
#endif
    );
    json_put_text(j, "isa", r->problem->kern->name);
    if (*ranks_library(library, sizeof library))
        json_put_text(j, "mpi", library);
    return j;
}

/* ---- NUMA nodes of the workers and of the memory of their shards ---- */

/* The worker of this rank that owns a shard; -1: another rank's. */
static int owner_of(const struct problem *p, int shard)
{
    int64_t from, to;

    team_rank_own(p->team, p->shards, &from, &to);
    return shard >= from && shard < to ? team_owner(to - from, team_workers(p->team), shard - from) : -1;
}

/* Weights and moments of span `shard` of every table that is cut as the columns are. */
static void count_shard(const struct run *r, int shard, int64_t *pages, int nodes)
{
    const struct param_list *l = &r->trainer.model->params;

    for (int i = 0; i < l->n; i++)
        for (int which = 0; which < 3 && l->param[i].sharded && l->param[i].spans == r->problem->shards;
             which++) {
            struct span span = l->param[i].span(l->param[i].owner, shard, which);

            if (span.data)
                topo_count_pages(r->problem->topo, span.data,
                                 (size_t)(span.count * span.stride) * sizeof *span.data, pages, nodes);
        }
}

static struct json *workers_json(const struct run *r)
{
    struct json *list = json_new_array();
    int workers = team_workers(r->problem->team);

    for (int id = 0; id < workers; id++) {
        struct json *j = json_new_object();
        struct topo_place place;
        char text[256];

        topo_place(r->problem->topo, (enum topo_bind)r->config->bind, workers, id, &place);
        topo_place_text(r->problem->topo, (enum topo_bind)r->config->bind, workers, id, text, sizeof text);
        json_put_text(j, "processors", text);
        json_put_int(j, "core", place.core);
        json_put_int(j, "node", place.node);
        json_put(list, NULL, j);
    }
    return list;
}

static struct json *placement_json(const struct run *r, int nodes)
{
    const struct problem *p = r->problem;
    struct json *j = json_new_object(), *shards = json_new_array();
    int64_t all = 0, at_home = 0;

    nodes = nodes < NODES_MOST ? nodes : NODES_MOST;
    json_put(j, "workers", workers_json(r));
    for (int s = 0; s < p->shards; s++) {
        int owner = owner_of(p, s);
        struct json *shard = json_new_object(), *list = json_new_array();
        int64_t pages[NODES_MOST] = {0};
        struct topo_place place = {.node = -1};

        if (owner >= 0) {
            topo_place(p->topo, (enum topo_bind)r->config->bind, team_workers(p->team), owner, &place);
            count_shard(r, s, pages, nodes);
        }
        json_put_int(shard, "worker", owner);
        json_put_int(shard, "node", place.node);
        for (int n = 0; n < nodes; n++) {
            json_put_int(list, NULL, pages[n]);
            all += pages[n];
            at_home += n == place.node ? pages[n] : 0;
        }
        json_put(shard, "pages", list);
        json_put(shards, NULL, shard);
    }
    json_put_int(j, "pages", all);
    json_put_int(j, "pages_on_owners_node", at_home);
    json_put(j, "shards", shards);
    return j;
}

/* ---- the rest ---- */

static struct json *machine_json(const struct run *r)
{
    struct json *j = json_new_object();
    struct topo_facts f;

    topo_facts(r->problem->topo, &f);
    json_put_int(j, "nodes", f.nodes);
    json_put_int(j, "packages", f.packages);
    json_put_int(j, "cores", f.cores);
    json_put_int(j, "pus", f.pus);
    json_put_real(j, "cpu_quota", f.quota);
    json_put_int(j, "memory", f.memory);
    json_put_int(j, "memory_limit", f.memory_limit);
    json_put_text(j, "cpuset", f.cpuset);
    json_put_int(j, "bound_workers", team_bound(r->problem->team));
    json_put_text(
        j, "bound_to",
        topo_bound_to(r->problem->topo, (enum topo_bind)r->config->bind, team_workers(r->problem->team)));
    if (f.nodes > 1)
        json_put(j, "placement", placement_json(r, f.machine_nodes));
    return j;
}

/* Facts that ranks share. */
struct rank_facts {
    int64_t threads, bytes_sent, weight_bytes, peak_rss;
};

static int64_t peak_rss(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)usage.ru_maxrss * 1024;
}

/* By rank, for mem_free; NULL: out of memory. Entered by all ranks. */
static struct rank_facts *rank_facts(struct run *r)
{
    struct ranks *team = team_ranks(r->problem->team);
    struct rank_facts *facts = mem_zalloc(r->ranks.count, sizeof *facts);

    if (!facts)
        return NULL;
    facts[r->ranks.id] = (struct rank_facts){.threads = team_workers(r->problem->team),
                                             .bytes_sent = team->sent + r->ranks.sent,
                                             .weight_bytes = params_held(&r->trainer.model->params),
                                             .peak_rss = peak_rss()};
    ranks_share(&r->ranks, facts, r->ranks.count, sizeof *facts);
    return facts;
}

static struct json *ranks_json(const struct run *r, const struct rank_facts *facts)
{
    struct json *list = json_new_array();

    for (int q = 0; q < r->ranks.count; q++) {
        struct json *j = json_new_object();

        json_put_int(j, "threads", facts[q].threads);
        json_put_int(j, "bytes_sent", facts[q].bytes_sent);
        json_put_int(j, "weight_bytes", facts[q].weight_bytes);
        json_put_int(j, "peak_rss_bytes", facts[q].peak_rss);
        json_put(list, NULL, j);
    }
    return list;
}

static struct json *summary_json(const struct run *r, const struct rank_facts *facts)
{
    const struct run_state *s = &r->state;
    struct json *j = json_new_object();

    json_put_text(j, "model", config_enum_name("model.kind", r->config->model_kind));
    json_put_int(j, "threads", team_workers(r->problem->team));
    json_put_int(j, "ranks", r->ranks.count);
    if (r->ranks.count > 1)
        json_put(j, "per_rank", ranks_json(r, facts));
    json_put_int(j, "shards", r->problem->shards);
    if (!problem_traits(r->config)->closed)
        json_put_text(j, "precision", config_enum_name("train.precision", r->config->precision));
    json_put_int(j, "params", params_count(&r->trainer.model->params));
    json_put(j, "data", data_json(r));
    json_put_int(j, "epochs", s->refit ? s->best_epoch : s->epoch);
    json_put_int(j, "best_epoch", s->best_epoch);
    if (r->trainer.model->spec.companion)
        json_put_real(j, "ease_weight", s->ease_weight);
    json_put_bool(j, "refit", s->refit);
    json_put_int(j, "steps_run", s->steps_run);
    json_put_int(j, "resumes", s->resumes);
    json_put_text(j, "monitor", r->monitor >= 0 ? r->spec.metric[r->monitor].name : "");
    json_put(j, "valid", result_json(&r->spec, &s->best_valid));
    json_put(j, "test", result_json(&r->spec, &r->tested));
    struct json *last = json_new_object();
    json_put(last, "valid", result_json(&r->spec, &s->last_valid));
    json_put(last, "test", result_json(&r->spec, &r->last_tested));
    json_put(j, "last", last);
    if (!problem_is_binary(r->config)) {
        struct json *of_mean = json_new_object(); /* the baseline of a rating model */

        if (!isnan(r->valid_mean_rmse))
            json_put_real(of_mean, "valid_rmse", r->valid_mean_rmse);
        if (!isnan(r->test_mean_rmse))
            json_put_real(of_mean, "test_rmse", r->test_mean_rmse);
        json_put(j, "of_mean", of_mean);
    }
    if (!isnan(r->lists_ndcg)) {
        struct json *lists = json_new_object();

        json_put_real(lists, "ndcg@10", r->lists_ndcg);
        json_put_real(lists, "popular", r->popular_ndcg);
        json_put(j, "lists", lists);
    }
    if (r->baselines.any)
        json_put(j, "baselines", baselines_json(r));
    json_put(j, "time", time_json(r));
    json_put(j, "throughput", throughput_json(r));
    json_put_int(j, "peak_rss_bytes", peak_rss());
    json_put_text(j, "weights_hash", r->weights_hash);
    json_put_text(j, "model_hash", s->model_hash);
    json_put(j, "build", build_json(r));
    json_put(j, "machine", machine_json(r));
    return j;
}

int summary_write(struct run *r, struct error *err)
{
    mem_scoped struct rank_facts *facts = rank_facts(r);
    mem_scoped char *text = NULL, *line = NULL;
    struct json *j;

    if (facts && r->ranks.id > 0)
        return 0;
    j = facts ? summary_json(r, facts) : NULL;
    text = json_text(j, true);
    line = text ? mem_printf("%s\n", text) : NULL;
    json_free(j);
    return line ? file_write_text(rundir_path(r->dir, RUN_SUMMARY), line, err)
                : error_set(err, PT_ENOMEM, RUN_SUMMARY ": out of memory");
}
