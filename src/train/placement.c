/* placement.c - NUMA nodes of a run's workers and of the memory of their shards. */
#include "train/run.h"

#include "base/json.h"

#define NODES_MOST 64

/* The worker of this rank that owns a shard; -1: another rank's. */
static int owner_of(const struct problem *p, int shard)
{
    int64_t from, to, first, end;
    int workers = team_workers(p->team);

    team_rank_own(p->team, p->shards, &from, &to);
    for (int id = 0; id < workers; id++) {
        team_range(to - from, id, workers, &first, &end);
        if (shard >= from + first && shard < from + end)
            return id;
    }
    return -1;
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

struct json *placement_json(const struct run *r, int nodes)
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
