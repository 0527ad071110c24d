#include <string.h>

#include "offer/launch.h"
#include "spec/javamap.h"

/* ---- volumes ---- */

static Volume *volume_new(struct arena *arena, const char *container_path, Volume__Mode mode)
{
    Volume *volume = PB_NEW(arena, Volume, volume);
    volume->container_path = (char *)container_path;
    volume->mode = mode;
    return volume;
}

static Volume__Source *source_new(struct arena *arena, Volume *volume, Volume__Source__Type type)
{
    volume->source = PB_NEW(arena, Volume__Source, volume__source);
    volume->source->has_type = 1;
    volume->source->type = type;
    return volume->source;
}

static void add_volume(struct arena *arena, ContainerInfo *container, Volume *volume)
{
    PB_ADD(arena, container->n_volumes, container->volumes, volume);
}

/* Unset modes mean RW; Mesos wants one. */
static Volume__Mode mode_of(const char *text)
{
    return text && strcmp(text, "RO") == 0 ? VOLUME__MODE__RO : VOLUME__MODE__RW;
}

static void add_host_volumes(const struct fit *fit, ContainerInfo *container)
{
    const struct pod_spec *pod = fit->need->pod;
    for (size_t i = 0; i < pod->n_host_volumes; i++) {
        const struct host_volume *from = &pod->host_volumes[i];
        Volume *volume = volume_new(fit->arena, from->container_path, mode_of(from->mode));
        volume->host_path = (char *)from->host_path;
        add_volume(fit->arena, container, volume);
    }
}

static bool is_shared(const struct external_volume *volume)
{
    for (size_t i = 0; i < volume->driver_options.count; i++)
        if (strcmp(volume->driver_options.items[i].key, "shared") == 0)
            return strcmp(volume->driver_options.items[i].value, "true") == 0;
    return false;
}

/* See offer-cycle 3.6. A leading slash goes, others become "__". */
static char *external_name(const struct fit *fit, const struct external_volume *volume)
{
    struct arena *arena = fit->arena;
    const struct offer_need *need = fit->need;
    bool pxd = volume->driver_name && strcmp(volume->driver_name, "pxd") == 0;
    const char *base = volume->volume_name && *volume->volume_name
                           ? volume->volume_name
                           : arena_printf(arena, "%s%c%s", need->context->spec->name,
                                          pxd ? '-' : '_', need->pod->type);
    char *name = spec_escape_name(arena, base);
    if (pxd && is_shared(volume))
        return name;
    return arena_printf(arena, "%s%c%d", name, pxd ? '-' : '_', need->requirement->pod_index);
}

static void add_option(struct arena *arena, Parameters *options, const char *key, const char *value)
{
    Parameter *parameter = PB_NEW(arena, Parameter, parameter);
    parameter->key = (char *)key;
    parameter->value = (char *)value;
    PB_ADD(arena, options->n_parameter, options->parameter, parameter);
}

/* Portworx makes volumes on the agent of the task, whatever the spec says about nodes. */
static Parameters *driver_options(struct arena *arena, const struct external_volume *from)
{
    Parameters *options = PB_NEW(arena, Parameters, parameters);
    bool pxd = from->driver_name && strcmp(from->driver_name, "pxd") == 0;
    struct pairs pairs = {NULL, 0};
    for (size_t i = 0; i < from->driver_options.count; i++)
        if (!pxd || strcmp(from->driver_options.items[i].key, "nodes") != 0)
            PB_ADD(arena, pairs.count, pairs.items, from->driver_options.items[i]);
    if (pxd) {
        PB_ADD(arena, pairs.count, pairs.items, ((struct pair){"nodes", "LocalNode"}));
        java_order_copy(&pairs);
    }
    for (size_t i = 0; i < pairs.count; i++)
        add_option(arena, options, pairs.items[i].key, pairs.items[i].value);
    return options;
}

static void add_external_volumes(const struct fit *fit, ContainerInfo *container)
{
    const struct pod_spec *pod = fit->need->pod;
    for (size_t i = 0; i < pod->n_external_volumes; i++) {
        const struct external_volume *from = &pod->external_volumes[i];
        Volume *volume = volume_new(fit->arena, from->container_path, mode_of(from->volume_mode));
        Volume__Source *source =
            source_new(fit->arena, volume, VOLUME__SOURCE__TYPE__DOCKER_VOLUME);
        source->docker_volume =
            PB_NEW(fit->arena, Volume__Source__DockerVolume, volume__source__docker_volume);
        source->docker_volume->driver = (char *)from->driver_name;
        source->docker_volume->name = external_name(fit, from);
        source->docker_volume->driver_options = driver_options(fit->arena, from);
        add_volume(fit->arena, container, volume);
    }
}

static void add_secret_files(const struct fit *fit, ContainerInfo *container)
{
    const struct pod_spec *pod = fit->need->pod;
    for (size_t i = 0; i < pod->n_secrets; i++) {
        if (!pod->secrets[i].file || !*pod->secrets[i].file)
            continue;
        Volume *volume = volume_new(fit->arena, pod->secrets[i].file, VOLUME__MODE__RO);
        Volume__Source *source = source_new(fit->arena, volume, VOLUME__SOURCE__TYPE__SECRET);
        source->secret = PB_NEW(fit->arena, Secret, secret);
        source->secret->has_type = 1;
        source->secret->type = SECRET__TYPE__REFERENCE;
        source->secret->reference = PB_NEW(fit->arena, Secret__Reference, secret__reference);
        source->secret->reference->name = (char *)pod->secrets[i].secret;
        add_volume(fit->arena, container, volume);
    }
}

/* Volumes of the executor are seen by a task only through these (see offer-cycle 3.2). */
static void add_pod_volumes(const struct fit *fit, ContainerInfo *container)
{
    const struct pod_spec *pod = fit->need->pod;
    for (size_t i = 0; i < pod->n_volumes; i++) {
        const char *path = pod->volumes[i].container_path;
        bool mounted = false;
        for (size_t j = 0; !mounted && j < fit->executor->n_resources; j++) {
            const Resource__DiskInfo *disk = fit->executor->resources[j]->disk;
            mounted = disk && disk->volume && strcmp(disk->volume->container_path, path) == 0;
        }
        if (!mounted) /* the executor runs since before the volume was added to the spec */
            continue;
        Volume *volume = volume_new(fit->arena, path, VOLUME__MODE__RW);
        Volume__Source *source = source_new(fit->arena, volume, VOLUME__SOURCE__TYPE__SANDBOX_PATH);
        source->sandbox_path =
            PB_NEW(fit->arena, Volume__Source__SandboxPath, volume__source__sandbox_path);
        source->sandbox_path->has_type = 1;
        source->sandbox_path->type = VOLUME__SOURCE__SANDBOX_PATH__TYPE__PARENT;
        source->sandbox_path->path = (char *)path;
        add_volume(fit->arena, container, volume);
    }
}

/* ---- the rest ---- */

static LinuxInfo *linux_info(struct arena *arena, ContainerInfo *container)
{
    if (!container->linux_info)
        container->linux_info = PB_NEW(arena, LinuxInfo, linux_info);
    return container->linux_info;
}

static void set_shared_memory(struct arena *arena, ContainerInfo *container, const char *ipc_mode,
                              const int64_t *shm_size)
{
    if (ipc_mode && *ipc_mode) {
        LinuxInfo *info = linux_info(arena, container);
        info->has_ipc_mode = 1;
        info->ipc_mode = strcmp(ipc_mode, "SHARE_PARENT") == 0 ? LINUX_INFO__IPC_MODE__SHARE_PARENT
                                                               : LINUX_INFO__IPC_MODE__PRIVATE;
    }
    if (shm_size) {
        LinuxInfo *info = linux_info(arena, container);
        info->has_shm_size = 1;
        info->shm_size = (uint32_t)*shm_size;
    }
}

static void set_share_cgroups(const struct fit *fit, ContainerInfo *container)
{
    if (!fit->need->own_cgroups)
        return;
    LinuxInfo *info = linux_info(fit->arena, container);
    info->has_share_cgroups = 1;
    info->share_cgroups = 0;
}

static void set_seccomp(const struct fit *fit, ContainerInfo *container)
{
    const struct pod_spec *pod = fit->need->pod;
    bool profile = pod->seccomp_profile_name && *pod->seccomp_profile_name;
    if (!pod->seccomp_unconfined && !profile)
        return;
    SeccompInfo *info = PB_NEW(fit->arena, SeccompInfo, seccomp_info);
    if (profile) {
        info->profile_name = (char *)pod->seccomp_profile_name;
    } else {
        info->has_unconfined = 1;
        info->unconfined = 1;
    }
    linux_info(fit->arena, container)->seccomp = info;
}

static void set_image(const struct fit *fit, ContainerInfo *container)
{
    if (!fit->need->pod->image)
        return;
    container->mesos = PB_NEW(fit->arena, ContainerInfo__MesosInfo, container_info__mesos_info);
    Image *image = container->mesos->image = PB_NEW(fit->arena, Image, image);
    image->type = IMAGE__TYPE__DOCKER;
    image->docker = PB_NEW(fit->arena, Image__Docker, image__docker);
    image->docker->name = (char *)fit->need->pod->image;
}

static void set_rlimits(const struct fit *fit, ContainerInfo *container)
{
    const struct pod_spec *pod = fit->need->pod;
    if (pod->n_rlimits == 0)
        return;
    RLimitInfo *info = container->rlimit_info = PB_NEW(fit->arena, RLimitInfo, rlimit_info);
    for (size_t i = 0; i < pod->n_rlimits; i++) {
        const struct rlimit_spec *from = &pod->rlimits[i];
        RLimitInfo__RLimit *limit = PB_NEW(fit->arena, RLimitInfo__RLimit, rlimit_info__rlimit);
        const char *name = strncmp(from->name, "RLIMIT_", 7) == 0 ? from->name + 7 : from->name;
        const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(
            &rlimit_info__rlimit__type__descriptor, arena_printf(fit->arena, "RLMT_%s", name));
        limit->has_type = 1;
        limit->type =
            value ? (RLimitInfo__RLimit__Type)value->value : RLIMIT_INFO__RLIMIT__TYPE__UNKNOWN;
        if (from->soft && from->hard && *from->soft != -1 && *from->hard != -1) {
            limit->has_soft = limit->has_hard = 1;
            limit->soft = (uint64_t)*from->soft;
            limit->hard = (uint64_t)*from->hard;
        }
        PB_ADD(fit->arena, info->n_rlimits, info->rlimits, limit);
    }
}

static void add_mapping(struct arena *arena, NetworkInfo *network, int64_t host, int64_t container)
{
    for (size_t i = 0; i < network->n_port_mappings; i++)
        if (network->port_mappings[i]->host_port == (uint32_t)host ||
            network->port_mappings[i]->container_port == (uint32_t)container)
            return;
    NetworkInfo__PortMapping *mapping =
        PB_NEW(arena, NetworkInfo__PortMapping, network_info__port_mapping);
    mapping->host_port = (uint32_t)host;
    mapping->container_port = (uint32_t)container;
    PB_ADD(arena, network->n_port_mappings, network->port_mappings, mapping);
}

static void add_networks(const struct fit *fit, ContainerInfo *container)
{
    const struct pod_spec *pod = fit->need->pod;
    for (size_t i = 0; i < pod->n_networks; i++) {
        const struct network_spec *from = &pod->networks[i];
        NetworkInfo *network = PB_NEW(fit->arena, NetworkInfo, network_info);
        network->name = (char *)from->name;
        /* The mapping 0:0 stands for dynamic ports: the numbers are added when chosen. */
        for (size_t j = 0; j < from->n_port_mappings; j++)
            if (from->port_mappings[j].host_port > 0)
                add_mapping(fit->arena, network, from->port_mappings[j].host_port,
                            from->port_mappings[j].container_port);
        for (size_t j = 0; j < from->labels.count; j++)
            network->labels = labels_set(fit->arena, network->labels, from->labels.items[j].key,
                                         from->labels.items[j].value);
        PB_ADD(fit->arena, container->n_network_infos, container->network_infos, network);
    }
}

static void map_dynamic_ports(const struct fit *fit, NetworkInfo *network)
{
    const struct offer_need *need = fit->need;
    for (size_t i = 0; i < need->n_sets; i++) {
        const struct resource_set *set = need->sets[i].set;
        for (size_t j = 0; j < fit->sets[i].n_ports; j++)
            if (fit->sets[i].ports[j].spec->port == 0)
                add_mapping(fit->arena, network, fit->sets[i].ports[j].number,
                            fit->sets[i].ports[j].number);
        for (size_t j = 0; need->existing && fit->sets[i].n_ports == 0 && j < set->n_resources;
             j++) {
            const struct resource_spec *spec = &set->resources[j];
            int64_t number =
                is_port(spec) && spec->port == 0 ? need_prior_port(need, set, spec->port_name) : 0;
            if (number > 0)
                add_mapping(fit->arena, network, number, number);
        }
    }
}

void executor_map_ports(const struct fit *fit, ExecutorInfo *executor)
{
    ContainerInfo *container = executor->container;
    for (size_t i = 0; container && i < container->n_network_infos; i++)
        if (strcmp(container->network_infos[i]->name, "mesos-bridge") == 0)
            map_dynamic_ports(fit, container->network_infos[i]);
}

ContainerInfo *container_of_task(const struct fit *fit, const struct task_spec *task)
{
    const struct pod_spec *pod = fit->need->pod;
    ContainerInfo *container = PB_NEW(fit->arena, ContainerInfo, container_info);
    container->type = CONTAINER_INFO__TYPE__MESOS;
    LinuxInfo *info = linux_info(fit->arena, container);
    info->has_share_pid_namespace = 1;
    info->share_pid_namespace = pod->share_pid_namespace;
    set_share_cgroups(fit, container);
    set_seccomp(fit, container);
    set_shared_memory(fit->arena, container, task->ipc_mode, task->shm_size_mb);

    Volume *tmp = volume_new(fit->arena, "/tmp", VOLUME__MODE__RW);
    tmp->host_path = (char *)"tmp"; /* relative: a folder of the sandbox */
    add_volume(fit->arena, container, tmp);
    add_host_volumes(fit, container);
    add_external_volumes(fit, container);
    set_image(fit, container);
    set_rlimits(fit, container);
    add_secret_files(fit, container);
    add_pod_volumes(fit, container);
    return container;
}

ContainerInfo *container_of_executor(const struct fit *fit)
{
    const struct pod_spec *pod = fit->need->pod;
    ContainerInfo *container = PB_NEW(fit->arena, ContainerInfo, container_info);
    container->type = CONTAINER_INFO__TYPE__MESOS;
    set_share_cgroups(fit, container);
    set_shared_memory(fit->arena, container, pod->ipc_mode, pod->shm_size_mb);
    add_host_volumes(fit, container);
    add_external_volumes(fit, container);
    add_networks(fit, container);
    set_rlimits(fit, container);
    add_secret_files(fit, container);
    return container;
}
