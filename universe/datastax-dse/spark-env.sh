# Spark's environment, read by its shell scripts. Rendered in the task by ./bootstrap. Folders are those of the
# sandbox unless they begin with a slash. Text stands in a here-document, where the shell reads nothing into it.
while IFS= read -r line; do
    name=${line%%=*} value=${line#*=}
    case $value in
    /*) ;;
    *) [ "$name" = SPARK_DRIVER_MEMORY ] || value='{{{MESOS_SANDBOX}}}'/$value ;;
    esac
    export "$name=$value"
done <<'END'
SPARK_WORKER_DIR={{{SPARK_WORKER_DIR}}}
SPARK_LOCAL_DIRS={{{SPARK_LOCAL_DIRS}}}
SPARK_EXECUTOR_DIRS={{{SPARK_EXECUTOR_DIRS}}}
SPARK_WORKER_LOG_DIR={{{SPARK_WORKER_LOG_DIR}}}
SPARK_MASTER_LOG_DIR={{{SPARK_MASTER_LOG_DIR}}}
ALWAYSON_SQL_LOG_DIR={{{ALWAYSON_SQL_LOG_DIR}}}
SPARK_DRIVER_MEMORY={{{SPARK_DRIVER_MEMORY}}}
END
export SPARK_MASTER_PORT={{DSE_SPARK_MASTER_PORT}}
export SPARK_MASTER_WEBUI_PORT={{DSE_SPARK_MASTER_WEBUI_PORT}}
export SPARK_WORKER_WEBUI_PORT={{DSE_SPARK_WORKER_WEBUI_PORT}}

# What DSE itself has to say.
[ ! -r "${SPARK_CONF_DIR:-}/dse-spark-env.sh" ] || . "$SPARK_CONF_DIR/dse-spark-env.sh"
